"""One run of one system: recover, send refusals, read and land, send the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import structlog

from hub.api import Capability, ConnectorError, Misconfigured, Record, RecordState, Ref
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.run import deliver
from hub.domain.landscape import Stream
from hub.store import deliveries, links, progress, questions
from hub.store.deliveries import Lane
from hub.store.progress import Fenced
from hub.sync import anew, storm
from hub.sync.activities import collects, read_activities
from hub.sync.land import Progress, gone, land
from hub.sync.page import Landed
from hub.sync.reading import ahead, gathered
from hub.vault.database import SQLAlchemyError, read_only
from hub.vault.rows import ids

log = structlog.get_logger()

TOGETHER = 500  # records that land in one transaction, at least


@dataclass(slots=True)
class Report:
    """What a run came to."""

    system: str
    state: str = "done"  # done, stopped, failed, handed-back
    reason: str = ""
    mend: str = ""
    read: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    fanned: Counter[str] = field(default_factory=Counter)  # deliveries made ready, by system

    @property
    def quiet(self) -> bool:
        """Nothing new was read, nothing was sent, nothing is left to do at once."""
        changed = {name for name, n in self.read.items() if n} - QUIET_COUNTS
        return not changed and not self.sent and self.state in ("done", "stopped")


QUIET_COUNTS = frozenset(
    {
        "unchanged",
        "records",
        "merged-away",
        "merge-waits",
        "stale",
        "unclear",
        "blocked",
        "shredded",
        "still-quarantined",
        "ended",
        "activity-known",
        "activity-unasked",
        "activity-still-waiting",
        "activity-not-permitted",
        "activity-restricted",
        "activity-blocked",
        "activity-shredded",
    }
)
"""What says that a record was met, and that nothing came of it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one slice of work may take."""

    pages: int | None = None  # groups of pages landed
    batches: int | None = None  # batches sent
    stopping: Callable[[], bool] = lambda: False
    fanned: Callable[[Sequence[str]], None] = lambda _: None
    """Told, after each page, which other systems have something to be sent."""


class _Run:
    def __init__(self, deployment: Deployment, opened: Opened, epoch: int, bounds: Bounds) -> None:
        self.deployment = deployment
        self.opened = opened
        self.epoch = epoch
        self.bounds = bounds
        self.report = Report(opened.system.id)
        self.pages = 0
        self.prepared = False

    def observe(self, stream: Stream, scope: str, records: Sequence[Record]) -> None:
        """Land records met outside of reading."""
        landed = land(self.deployment, self.opened, self.epoch, stream, scope, records)
        self._count(landed)

    def everything(self, *, full: bool, read: bool) -> None:
        opened, deployment = self.opened, self.deployment
        self._deliver(held=True)  # what must not wait does not wait for reading
        if self.report.state != "done":
            return
        if read:
            for stream in opened.system.streams:
                for scope in stream.scopes:
                    if stream.direction.reads and not (
                        self._read(stream, scope, full=full)
                        and self._read_activities(stream, scope)
                    ):
                        self.report.state = "handed-back"
                        return
        held = storm.held(deployment, opened)
        self._deliver(held=held)
        if held and self.report.state == "done":
            self.report.state = "stopped"
            self.report.reason = "the run would change more than its guard allows"
            self.report.mend = "look at `hub review`, then approve or reject it"

    def _deliver(self, *, held: bool) -> None:
        if not self.prepared and Capability.WRITE in self.opened.type.capabilities:
            with read_only(self.deployment.database).connect() as connection:
                waiting = deliveries.waiting(connection).get(self.opened.system.id)
            if waiting:
                for made in self.opened.connector.prepare():
                    log.info("made at the vendor", system=self.opened.system.id, what=made)
                self.prepared = True
        done = deliver(
            self.deployment,
            self.opened,
            self.epoch,
            self.observe,
            held=held,
            stopping=self.bounds.stopping,
            batches=self.bounds.batches,
        )
        self.report.sent += done.outcomes
        if done.trouble is not None:
            raise done.trouble
        if done.handed_back:
            self.report.state = "handed-back"

    def _read(self, stream: Stream, scope: str, *, full: bool) -> bool:
        """Read one place to its end; False where the slice ended first."""
        deployment, opened = self.deployment, self.opened
        now = deployment.now()
        where = (opened.system.id, stream.name, scope)
        with read_only(deployment.database).connect() as connection:
            place = progress.place(connection, *where)
        if place is not None and anew.outgrown(place.mapping, deployment, opened, stream, now):
            with deployment.database.begin() as connection:
                progress.check(connection, opened.system.id, self.epoch)
                progress.start_over(connection, *where)
            place = None
        cursor = _start(stream, place, now, full=full)
        began = cursor is None
        seen: bytearray | None = bytearray() if began else None
        reader = opened.connector.read(stream.name, scope, cursor)
        for page in gathered(ahead(iter(reader)), TOGETHER):
            landed = land(
                deployment,
                opened,
                self.epoch,
                stream,
                scope,
                page.records,
                page.rejected,
                progress_to=Progress(page.cursor, began=began, complete=page.complete),
            )
            began = False
            self._count(landed)
            self.report.read["records"] += len(page.records)
            self._pass_on(landed)
            if seen is not None:
                _mark(seen, landed.links)
                if page.complete:
                    self._infer_deletes(stream, scope, seen)
                    seen = None
            if self._slice_ends():
                return False
        return True

    def _read_activities(self, stream: Stream, scope: str) -> bool:
        """Read what happened with the records of one place; False where the slice ended first."""
        deployment, opened = self.deployment, self.opened
        if not collects(deployment, opened, stream):
            return True
        for landed in read_activities(deployment, opened, self.epoch, stream, scope, TOGETHER):
            self._count(landed)
            self._pass_on(landed)
            # an overlap that brings nothing takes no share, or many webinars would never end
            news = any(n for name, n in landed.counts.items() if name not in QUIET_COUNTS)
            if self.bounds.stopping() or (news and self._slice_ends()):
                return False
        return True

    def _slice_ends(self) -> bool:
        """Whether enough was landed, after one more group of pages."""
        self.pages += 1
        return self.bounds.stopping() or (
            self.bounds.pages is not None and self.pages >= self.bounds.pages
        )

    def _pass_on(self, landed: Landed) -> None:
        """A refusal does not wait for the end of a long enumeration, here or elsewhere."""
        system = self.opened.system.id
        if landed.fanned[system]:
            with read_only(self.deployment.database).connect() as connection:
                now = self.deployment.now()
                urgent = deliveries.next_ready(connection, system, Lane.REFUSAL, now, 1)
            if urgent:
                self._deliver(held=True)
        others = [name for name in landed.fanned if name != self.opened.system.id]
        if others:
            self.bounds.fanned(others)

    def _count(self, landed: Landed) -> None:
        self.report.read += landed.counts
        self.report.fanned += landed.fanned

    def _infer_deletes(self, stream: Stream, scope: str, seen: bytearray) -> None:
        """Links that one uninterrupted enumeration did not meet, asked for one by one."""
        deployment, opened = self.deployment, self.opened
        place = (opened.system.id, stream.name, scope)
        missing: list[tuple[int, str]] = []
        total = after = 0
        with read_only(deployment.database).connect() as connection:
            while batch := links.live_ids(connection, *place, after, 5000):
                total += len(batch)
                after = batch[-1][0]
                missing += [(number, name) for number, name in batch if not _marked(seen, number)]
        if not missing:
            return
        guard = opened.system.guard
        many = len(missing) > guard.floor and len(missing) > guard.delete_share * total
        if many and not self._deletes_approved():
            with deployment.database.begin() as connection:
                progress.check(connection, opened.system.id, self.epoch)
                (number,) = ids(connection, questions.review, 1)
                questions.ask(
                    connection,
                    {
                        "id": number,
                        "kind": "deletes",
                        "system": opened.system.id,
                        "stream": stream.name,
                        "scope": scope,
                        "reason": f"{len(missing)} of {total} records are gone from the system; "
                        "more than its guard allows to be taken as deleted",
                        "created_at": deployment.now(),
                    },
                )
            self.report.read["review"] += 1
            return
        self._confirm_gone(stream, scope, missing)

    def _deletes_approved(self) -> bool:
        """Whether a handler let the next enumeration infer them; the word counts once."""
        with self.deployment.database.begin() as connection:
            progress.check(connection, self.opened.system.id, self.epoch)
            answer = questions.decided(connection, "deletes", self.opened.system.id)
            if answer is not None:
                questions.spend(connection, answer.id)
        return answer is not None

    def _confirm_gone(self, stream: Stream, scope: str, missing: list[tuple[int, str]]) -> None:
        deployment, opened = self.deployment, self.opened
        refs = [Ref(stream.name, scope, external) for _, external in missing]
        found = opened.connector.fetch(stream.name, refs)
        absent = [
            number
            for (number, _), record in zip(missing, found, strict=True)
            if record is None or record.state is RecordState.GONE
        ]
        present = [record for record in found if record is not None]
        if present:
            self.observe(stream, scope, present)
        if absent:
            self._count(gone(deployment, opened, self.epoch, stream, scope, absent))


def run_system(
    deployment: Deployment,
    opened: Opened,
    owner: str,
    *,
    full: bool = False,
    read: bool = True,
    bounds: Bounds | None = None,
) -> Report:
    """Sync one system once. Never raises for the vendor's or the configuration's sake: the report
    says what happened, and the other systems run on.

    `full` enumerates everything anew; `read` False only sends. Raises Fenced where another run
    took the system over.
    """
    system = opened.system.id
    with deployment.database.begin() as connection:
        epoch = progress.take(connection, system, owner, deployment.now())
        progress.abandon(connection, system, epoch, deployment.now())
        (number,) = ids(connection, progress.run, 1)
        progress.begin(connection, number, system, epoch, deployment.now())
    run = _Run(deployment, opened, epoch, bounds or Bounds())
    report = run.report
    try:
        run.everything(full=full, read=read)
    except Misconfigured as error:
        report.state, report.reason, report.mend = "failed", str(error), error.mend
    except ConnectorError as error:
        report.state, report.reason = "failed", str(error)
        report.mend = "nothing is lost; the next run goes on from here"
    except (Fenced, SQLAlchemyError):
        raise  # not this system's own trouble: another run has it, or the database is away
    except Exception as error:  # a fault in a connector must not stop the other systems
        # the text of a foreign exception may hold personal data; its type and place do not
        log.exception("run failed", system=system, error=type(error).__name__)
        report.state, report.reason = "failed", f"fault: {type(error).__name__}"
        report.mend = "a fault in the connector or the hub: the log has its place"
    counts = orjson.dumps({"read": dict(report.read), "sent": dict(report.sent)}).decode()
    with deployment.database.begin() as connection:
        progress.check(connection, system, epoch)
        progress.end(
            connection,
            number,
            state=report.state,
            counts=counts,
            reason=report.reason,
            now=deployment.now(),
        )
    # quiet rounds are the daily bread; who operates the hub reads of what changed
    tell = log.debug if report.quiet else log.info
    tell(
        "run ended",
        system=system,
        state=report.state,
        **({"reason": report.reason} if report.reason else {}),
        **{f"read_{name}": n for name, n in report.read.items() if n},
        **{f"sent_{name}": n for name, n in report.sent.items() if n},
    )
    return report


def until_quiet(
    deployment: Deployment,
    owner: str,
    systems: Sequence[str] | None = None,
    *,
    rounds: int = 10,
    full: bool = False,
    each: Callable[[Report], None] = lambda _: None,
) -> tuple[bool, list[Report]]:
    """Run the systems in turn until a round changes nothing. Answers whether it came to that."""
    reports: list[Report] = []
    for turn in range(rounds):
        quiet = True
        for name in systems or list(deployment.systems):
            report = run_system(
                deployment, deployment.systems[name], owner, full=full and turn == 0
            )
            reports.append(report)
            each(report)
            quiet = quiet and (report.quiet or report.state == "failed")
        if quiet:
            return True, reports
    return False, reports


def _start(
    stream: Stream, place: progress.Place | None, now: datetime, *, full: bool
) -> str | None:
    """The cursor to read from; None begins an enumeration."""
    if place is None:
        return None
    if place.began_at is not None:
        return place.cursor  # one is under way
    if full or place.complete_at is None or now - place.complete_at >= stream.full_every:
        return None
    return place.cursor


def _mark(seen: bytearray, numbers: set[int]) -> None:
    for number in numbers:
        byte = number >> 3
        if byte >= len(seen):
            seen.extend(bytes(byte + 1 - len(seen)))
        seen[byte] |= 1 << (number & 7)


def _marked(seen: bytearray, number: int) -> bool:
    byte = number >> 3
    return byte < len(seen) and bool(seen[byte] & (1 << (number & 7)))
