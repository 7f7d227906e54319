"""Reading what people did or were sent, and landing it with the cursor in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.api import Activity, Capability, Misconfigured, ReadsActivities, Ref, Rejected
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.fanout import Witness
from hub.domain.gate import may_bring
from hub.domain.landscape import Stream
from hub.store import activities, links, progress, questions, subjects
from hub.store.links import Known
from hub.store.sql import once_more
from hub.sync import waiting
from hub.sync.aside import put_aside
from hub.sync.collect import Collector
from hub.sync.page import Landed, Page
from hub.sync.reading import ahead, gathered_activities
from hub.sync.save import save
from hub.vault.database import read_only

REJECTED = "activity "
"""Before the id of a quarantined activity that could not be understood."""


def collects(deployment: Deployment, opened: Opened, stream: Stream) -> bool:
    """Whether activities of the stream are to be read now."""
    return (
        bool(stream.activities)
        and Capability.READ_ACTIVITIES in opened.type.capabilities
        and may_bring(deployment.landscape, opened.system, deployment.now()).allowed
    )


def read_activities(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    stream: Stream,
    scope: str,
    together: int,
    witness: Witness | None = None,
) -> Iterator[Landed]:
    """Read on from the cursor to the end, some `together` activities in a transaction; yields what
    each came to. Whoever stops before the end goes on from there with the next call.

    Where the configuration collects otherwise than before, everything that the vendor still tells
    of is read anew, and what follows from known activities is looked at again.
    """
    connector = opened.connector
    if not isinstance(connector, ReadsActivities):
        raise Misconfigured(
            f"{opened.system.id}: {opened.type.kind} says that it reads activities, and cannot",
            mend="ask the plugin's author",
        )
    where = (opened.system.id, stream.name + waiting.SUFFIX, scope)
    with read_only(deployment.database).connect() as connection:
        place = progress.place(connection, *where)
    if place is not None and place.mapping != stream.collected:
        place = None
    cursor = place.cursor if place else None
    anew = place is None or place.began_at is not None
    began = place is None
    pages = gathered_activities(ahead(connector.activities(stream.name, scope, cursor)), together)
    for page in pages:
        cursor = page.cursor
        yield land_activities(
            deployment,
            opened,
            epoch,
            stream,
            scope,
            page.activities,
            page.rejected,
            cursor=cursor,
            began=began,
            anew=anew,
            witness=witness,
        )
        began = False
    if anew and cursor is not None:
        land_activities(deployment, opened, epoch, stream, scope, (), cursor=cursor, complete=True)


def land_activities(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    stream: Stream,
    scope: str,
    told: Sequence[Activity],
    rejected: Sequence[Rejected] = (),
    *,
    cursor: str,
    began: bool = False,
    complete: bool = False,
    anew: bool = False,
    witness: Witness | None = None,
) -> Landed:
    """Land activities of one place and move their cursor in one transaction.

    `anew` looks also at what follows from those that landed before. Raises Fenced where another
    run took the system over; nothing has landed then.
    """

    def transaction() -> Landed:
        with deployment.database.begin() as connection:
            progress.check(connection, opened.system.id, epoch)
            page = Page(connection, deployment, opened, stream, scope, deployment.now())
            place = waiting.place_of(page)
            for row in rejected:
                put_aside(page, f"{REJECTED}{row.id}", row.reason, row.raw.encode(), place)
            _land(page, told, anew=anew)
            save(page, witness)
            _release(page, told)
            progress.advance(
                connection,
                place,
                cursor,
                page.now,
                began=began,
                complete=complete,
                mapping=stream.collected,
            )
        return page.result

    return once_more(transaction)


def _land(page: Page, told: Sequence[Activity], *, anew: bool) -> None:
    collector = Collector(page)
    counts = page.result.counts
    asked = {(one.ref.id, one.id): one for one in told if collector.rule(one) is not None}
    counts["activity-unasked"] += sum(collector.rule(one) is None for one in told)
    records = list(dict.fromkeys(one.ref.id for one in asked.values()))
    linked = _linked(page, records)
    controllers = page.opened.system.controllers
    digests = {
        (controller, key): collector.digest(controller, one)
        for key, one in asked.items()
        for controller in controllers
    }
    known = activities.known(page.connection, digests.values())
    due: list[tuple[Known, Activity, bool]] = []

    def needs(one: Activity) -> bool:
        rule = collector.rule(one)
        return rule is not None and rule.needs is not None

    lacking: dict[str, dict[tuple[str, str], Activity]] = {}
    for key, one in asked.items():
        for controller in controllers:
            landed = digests[controller, key] in known
            link = linked.get((one.ref.id, controller))
            if landed and not (anew and link is not None and collector.follows(one)):
                counts["activity-known"] += 1
            elif link is None and needs(one):
                # whose permission it would need is not known, so nobody has given it
                counts["activity-not-permitted"] += 1
            elif link is None:
                lacking.setdefault(controller, {})[key] = one
            else:
                due.append((link, one, landed))
    page.people = subjects.load(
        page.connection,
        page.deployment.vault,
        page.deployment.identities,
        {link.person_id for link, _, _ in due},
        lock=True,
    )
    for link, one, landed in due:
        subject = page.people.get(link.person_id)
        if subject is None:
            counts["activity-shredded"] += 1
        else:
            collector.collect(subject, one, known=landed)
    _hold(page, lacking)


def _linked(page: Page, records: Sequence[str]) -> dict[tuple[str, str], Known]:
    known = links.known(page.connection, *page.place, records)
    return {(record, link.controller): link for record, found in known.items() for link in found}


def _hold(page: Page, lacking: dict[str, dict[tuple[str, str], Activity]]) -> None:
    """What has no person yet waits for it, unless its person was erased."""
    held: dict[str, dict[str, Activity]] = {}
    for controller, told in lacking.items():
        refs: dict[str, Ref] = {one.ref.id: one.ref for one in told.values()}
        gone = waiting.erased(page, controller, refs.values())
        for one in told.values():
            if one.ref.id in gone:
                page.result.counts["activity-blocked"] += 1
            else:
                held.setdefault(one.ref.id, {})[one.id] = one
    for record, kept in held.items():
        waiting.hold(page, record, list(kept.values()))


def _release(page: Page, told: Sequence[Activity]) -> None:
    """An activity that could not be understood before, and now can, leaves quarantine."""
    place = waiting.place_of(page)
    if page.activities and (aside := questions.unread(page.connection, *place)):
        names = [f"{REJECTED}{one.id}" for one in told]
        questions.release(page.connection, *place, [one for one in names if one in aside])
