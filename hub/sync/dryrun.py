"""A dry run: what a sync would do now, without writing anything at a vendor or in the hub.

The vendors are read for real. What they say lands in a scratch copy of the database, new persons
get keys that exist in memory only, and what would then be sent is planned there and counted.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from hub.api import ConnectorError, Misconfigured
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.plan import Plan, plan
from hub.domain.landscape import Stream, System
from hub.store import links, overview, progress, subjects
from hub.store.deliveries import Lane
from hub.store.scratch import copy_store
from hub.store.subjects import Linked, Subject
from hub.sync import anew, storm
from hub.sync.activities import collects, read_activities
from hub.sync.land import Progress, land
from hub.sync.reading import ahead, gathered
from hub.vault import KeyHandle, KeyKind, Vault
from hub.vault.database import read_only

EXAMPLES = 3
"""Persons named for each thing that is blocked, by their ids."""

_TOGETHER = 500


@dataclass(slots=True)
class Blocked:
    """What the gate holds back in one system by one rule."""

    what: str
    rule: str
    reason: str
    persons: int = 0
    examples: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Forecast:
    """What would happen in one system."""

    system: str
    read: Counter[str] = field(default_factory=Counter)
    creates: int = 0
    updates: int = 0
    fields: Counter[str] = field(default_factory=Counter)  # hub fields that updates change
    subscribes: Counter[str] = field(default_factory=Counter)  # by purpose
    refuses: Counter[str] = field(default_factory=Counter)  # by purpose
    blocked: list[Blocked] = field(default_factory=list)
    gone: int = 0  # links that a whole enumeration did not meet; each would be asked for
    stops: str = ""  # why the run would stop and ask
    trouble: str = ""
    mend: str = ""

    @property
    def writes(self) -> int:
        """Records that would be written."""
        return self.creates + self.updates + self.subscribes.total() + self.refuses.total()


def dry_run(
    deployment: Deployment,
    names: Sequence[str],
    folder: Path,
    *,
    full: bool = False,
    each: Callable[[str, int], None] = lambda _system, _records: None,
) -> dict[str, Forecast]:
    """Forecast a sync of those systems, by system; others that would be written to are there too.

    `folder` takes the scratch copy, and is the caller's to delete. `each` is told of every page:
    system and records. A system that cannot be read has its `trouble`; the others go on.
    """
    found = {name: Forecast(name) for name in deployment.landscape.systems}
    database = copy_store(deployment.database, folder / "scratch.db")
    try:
        scratch = replace(deployment, database=database, vault=_MemoryKeys(deployment.vault))
        touched: set[int] = set()
        for name in names:
            opened = scratch.systems[name]
            try:
                _read(scratch, opened, found[name], touched, full=full, each=each)
            except Misconfigured as error:
                found[name].trouble, found[name].mend = str(error), error.mend
            except ConnectorError as error:
                found[name].trouble = str(error)
        _plan_all(scratch, touched, found)
        for name in names:
            if storm.held(scratch, scratch.systems[name]):
                found[name].stops = "it would change more of the system than its guard allows"
    finally:
        database.dispose()
    return {name: one for name, one in found.items() if name in names or one.writes or one.blocked}


def _read(
    scratch: Deployment,
    opened: Opened,
    forecast: Forecast,
    touched: set[int],
    *,
    full: bool,
    each: Callable[[str, int], None],
) -> None:
    system = opened.system.id
    with scratch.database.begin() as connection:
        epoch = progress.take(connection, system, "dry-run", scratch.now())

    def witness(
        subject: Subject, _s: System, _t: Stream, _c: str, _l: Linked | None, _p: Plan
    ) -> None:
        touched.add(subject.id)

    for stream in opened.system.streams:
        for scope in stream.scopes:
            if not stream.direction.reads:
                continue
            cursor = _cursor(scratch, opened, stream, scope)
            cursor = None if full else cursor
            seen: set[int] | None = set() if cursor is None else None
            reader = opened.connector.read(stream.name, scope, cursor)
            for page in gathered(ahead(iter(reader)), _TOGETHER):
                landed = land(
                    scratch,
                    opened,
                    epoch,
                    stream,
                    scope,
                    page.records,
                    page.rejected,
                    progress_to=Progress(page.cursor, complete=page.complete),
                    witness=witness,
                )
                forecast.read += landed.counts
                forecast.read["records"] += len(page.records)
                if seen is not None:
                    seen |= landed.links
                    if page.complete:
                        forecast.gone += _missed(scratch, (system, stream.name, scope), seen)
                        seen = None
                each(system, len(page.records))
            if collects(scratch, opened, stream):
                for landed in read_activities(
                    scratch, opened, epoch, stream, scope, _TOGETHER, witness
                ):
                    forecast.read += landed.counts


def _cursor(scratch: Deployment, opened: Opened, stream: Stream, scope: str) -> str | None:
    """Where a run would read on; None where it would enumerate everything."""
    with read_only(scratch.database).connect() as connection:
        place = progress.place(connection, opened.system.id, stream.name, scope)
    if place is None:
        return None
    if anew.outgrown(place.mapping, scratch, opened, stream, scratch.now()):
        with scratch.database.begin() as connection:
            progress.start_over(connection, opened.system.id, stream.name, scope)
        return None
    due = place.complete_at is None or scratch.now() - place.complete_at >= stream.full_every
    return None if due and place.began_at is None else place.cursor


def _missed(scratch: Deployment, place: tuple[str, str, str], seen: set[int]) -> int:
    missed = after = 0
    with read_only(scratch.database).connect() as connection:
        while batch := links.live_ids(connection, *place, after, 5_000):
            after = batch[-1][0]
            missed += sum(number not in seen for number, _ in batch)
    return missed


def _plan_all(scratch: Deployment, touched: set[int], found: dict[str, Forecast]) -> None:
    """Plan everybody who was met or waits, by the facts after all systems were read."""
    with read_only(scratch.database).connect() as connection:
        wanted = sorted(touched | overview.persons_with_ready(connection))
        blocked: dict[tuple[str, str, str], Blocked] = {}
        for start in range(0, len(wanted), _TOGETHER):
            loaded = subjects.load(
                connection,
                scratch.vault,
                scratch.identities,
                wanted[start : start + _TOGETHER],
            )
            for subject in loaded.values():
                facts = subject.facts(scratch.landscape, scratch.identities)
                for system, stream, scope in scratch.places(subject.controller):
                    for linked in subject.link_to(system.id, stream.name, scope) or (None,):
                        planned = plan(scratch, subject, facts, system, stream, scope, linked)
                        _count(found[system.id], linked, planned)
                        _hold(blocked, system.id, subject.id, planned)
    for (system_id, _, _), one in blocked.items():
        found[system_id].blocked.append(one)
    for forecast in found.values():
        forecast.blocked.sort(key=lambda one: (-one.persons, one.what, one.rule))


def _count(forecast: Forecast, linked: Linked | None, planned: Plan) -> None:
    """A create's own wishes come with it and are not counted apart."""
    for lane, intent in planned.intents.items():
        if lane is Lane.RECORD and linked is None:
            forecast.creates += 1
        elif lane is Lane.RECORD:
            forecast.updates += 1
            forecast.fields.update(intent.names)
        elif lane is Lane.REFUSAL:
            forecast.refuses.update(intent.purposes)
        else:
            forecast.subscribes.update(intent.purposes)


def _hold(
    blocked: dict[tuple[str, str, str], Blocked], system: str, person: int, planned: Plan
) -> None:
    for one in planned.blocked:
        known = blocked.setdefault(
            (system, one.what, one.decision.rule),
            Blocked(one.what, one.decision.rule, one.decision.reason),
        )
        if person not in known.examples:
            known.persons += 1
            if len(known.examples) < EXAMPLES:
                known.examples.append(person)


class _MemoryKeys(Vault):
    """The key store with new keys kept in memory: they end with the dry run."""

    def __init__(self, real: Vault) -> None:
        # nothing of its own is opened: every key that exists is the real vault's
        self._real = real
        self._numbers = count(2**40)  # far above any id that the key store has given out
        self._made: dict[int, KeyHandle] = {}

    def new_keys(self, kind: KeyKind | str, n: int) -> list[tuple[int, KeyHandle]]:
        """`n` keys that nobody else will ever see."""
        made = [
            (number, KeyHandle(number, secrets.token_bytes(32)))
            for number, _ in zip(self._numbers, range(n), strict=False)
        ]
        self._made.update(made)
        return made

    def open_keys(self, key_ids: Iterable[int], *, fresh: bool = False) -> Mapping[int, KeyHandle]:
        """Keys of either kind."""
        wanted = list(key_ids)
        own = {one: self._made[one] for one in wanted if one in self._made}
        real = self._real.open_keys([one for one in wanted if one not in own], fresh=fresh)
        return {**real, **own}
