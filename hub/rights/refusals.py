"""Objection and withdrawal (GDPR Arts. 21(2)-(3), 7(3)): proof that a refusal reached a system.

The refusal itself is an event of the ledger from the moment the request is recorded, and travels on
the lane of refusals to every record that the sync knows. What the task finds besides, because no
sync has read it or nobody knows yet whose it is, it refuses itself; where the hub only reads, or
nobody told it what a subscription means, a person does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hub.api import WHOLE_SCOPE, Consent, Record, Ref, Result, Stance, Verdict
from hub.delivery.deployment import Opened
from hub.domain.audit import Event, as_code
from hub.domain.landscape import Stream
from hub.domain.rights import TaskState
from hub.rights import acting, manual, postponing
from hub.rights.casefile import ref_of
from hub.store import people, subjects
from hub.store.subjects import Subject
from hub.store.together import commit
from hub.vault.database import Connection, Row, read_only

if TYPE_CHECKING:
    from hub.rights.work import Work

_SENDS = (Stance.YES, Stance.PENDING)
_LOOK_AGAIN = tuple(timedelta(seconds=s) for s in (1, 5, 30, 300, 3600))

Place = tuple[str, str, str]
"""Stream, scope and id of a record."""
Refused = dict[tuple[str, str], datetime]
"""(controller, purpose) -> since when it is refused."""


@dataclass(slots=True)
class _Shown:
    """What a record that was found still says."""

    entry: dict[str, str]
    written: bool = False  # the hub may write to its stream
    lane: bool = False  # the sync knows it: the lane of refusals reaches it
    topics: dict[str, set[str]] = field(default_factory=dict)
    """That still say yes and that the hub may write to, with the purposes that they mean."""
    by_hand: bool = False  # something else there still says yes

    @property
    def place(self) -> Place:
        return self.entry["stream"], self.entry["scope"], self.entry["id"]


def carry_out(work: Work, opened: Opened) -> None:
    """Make sure that no located record of the persons shows any more that they may be mailed.
    Raises ConnectorError."""
    shown = _shown(work, opened)
    for one in shown:
        one.entry["verified"] = "" if one.topics or one.by_hand else "refused"
    unread = [one for one in shown if one.topics and not one.lane]
    if unread and not _send(work, opened, unread):
        return
    if any(one.topics for one in shown):
        _look_again(work)
        return

    def end(connection: Connection) -> None:
        if any(one.by_hand for one in shown):
            manual.hand_over(work, connection, "refusal-by-hand")
        else:
            work.end(connection, TaskState.VERIFIED, Event.TASK_VERIFIED)

    commit(work.deployment.database, end)


def _look_again(work: Work) -> None:
    """It was sent, or is on its way: it is read back later, and a person is told in the end."""
    tries = work.task.tries
    if tries >= len(_LOOK_AGAIN):
        postponing.attention(work, "refusal-not-shown", _LOOK_AGAIN[-1])
        return
    due_at = work.deployment.now() + _LOOK_AGAIN[tries]

    def wait(connection: Connection) -> None:
        sent = TaskState.SENT.value
        work.step(
            connection, state=sent, reason="refusal-not-shown", tries=tries + 1, due_at=due_at
        )

    commit(work.deployment.database, wait)


def settle_lost(work: Work, opened: Opened, lost: Sequence[Row[Any]]) -> None:
    """Settle what an earlier attempt sent and never heard of, by what the records show."""
    said = {one.place: not one.topics for one in _shown(work, opened)}

    def done(ref: Ref) -> bool:
        return said.get((ref.stream, ref.scope, ref.id), False)

    def settle(connection: Connection) -> None:
        acting.settle_lost(connection, lost, done, work.key, work.deployment.now())
        work.step(connection)

    commit(work.deployment.database, settle)


def _send(work: Work, opened: Opened, unread: Sequence[_Shown]) -> bool:
    """Write the refusal to records that the sync does not reach; False where a person has to act
    before it can be. Whether it was done is read back by the next attempt."""
    now = work.deployment.now()
    refused = {one.place: _saying_no(one.topics) for one in unread}

    def record(connection: Connection) -> list[acting.Sent]:
        work.still(connection)
        work.step(connection, state=TaskState.RUNNING.value)
        return acting.record(
            connection,
            system=work.task.system,
            task_id=work.task.id,
            key=work.key,
            wanted=[(one.entry, {}, []) for one in unread],
            links=work.links,
            now=now,
            refused=refused,
        )

    sent = commit(work.deployment.database, record)
    results, trouble = acting.send(opened, acting.REFUSE, sent)
    outcomes: list[tuple[acting.Sent, Result]] = list(zip(sent, results, strict=True))

    def settle(connection: Connection) -> None:
        work.step(connection, state=TaskState.SENT.value)
        acting.settle(connection, outcomes, work.deployment.now())

    commit(work.deployment.database, settle)
    never = [one.reason or "permanent" for one in results if one.verdict is Verdict.PERMANENT]
    if trouble is not None:
        postponing.attention(work, postponing.code(trouble), timedelta(hours=1))
    elif never:
        postponing.attention(work, as_code(never[0]), timedelta(days=1))
    return trouble is None and not never


def _saying_no(topics: Mapping[str, set[str]]) -> tuple[list[Consent], str]:
    """The refusals of those topics (topic -> purposes that it means), and the purposes."""
    return (
        [Consent(topic, Stance.NO, evidence={"basis": "objection"}) for topic in topics],
        " ".join(sorted({purpose for some in topics.values() for purpose in some})),
    )


def meanwhile(
    work: Work, connection: Connection, opened: Opened, entries: Iterable[Mapping[str, str]]
) -> dict[Place, tuple[Sequence[Consent], str]]:
    """What the persons refuse by now in those records, which a restriction kept: when it ends, the
    former state comes back without that. The persons are held, so that no refusal comes between."""
    deployment = work.deployment
    mine = [one.id for one in work.mine]
    persons = subjects.load(
        connection, deployment.vault, deployment.identities, mine, lock=True
    ).values()
    refused = _refused_of(work, persons)
    found: dict[Place, tuple[Sequence[Consent], str]] = {}
    for entry in entries:
        stream = next((one for one in opened.system.streams if one.name == entry["stream"]), None)
        topics = stream.topics_of(entry["scope"]) if stream else ()
        meant: dict[str, set[str]] = {}
        for topic in topics:
            for effect in topic.effects:
                if (effect.controller, effect.purpose) in refused:
                    meant.setdefault(topic.topic, set()).add(effect.purpose)
        if not topics and refused and _all_marketing(work, persons) <= refused.keys():
            # nobody said what it means, and they want no marketing at all
            meant[WHOLE_SCOPE] = {purpose for _, purpose in refused}
        if meant:
            found[entry["stream"], entry["scope"], entry["id"]] = _saying_no(meant)
    return found


def _all_marketing(work: Work, persons: Iterable[Subject]) -> set[tuple[str, str]]:
    return {
        (controller, purpose.id)
        for controller in {one.controller for one in persons}
        for purpose in work.deployment.landscape.purposes.values()
        if controller in purpose.controllers and purpose.marketing and purpose.channel != "none"
    }


def _shown(work: Work, opened: Opened) -> list[_Shown]:
    """What each record that is the persons' shows now."""
    owners: dict[Place, list[Subject]] = {}
    live: set[Place] = set()
    for person in work.mine:
        for link in person.links:
            if link.system == opened.system.id and link.state != "merged":
                place = (link.stream, link.scope, link.external_id)
                owners.setdefault(place, []).append(person)
                if link.state == "live":
                    live.add(place)
    known = {one.controller for one in work.mine}
    anybodys = _refused_of(work, work.mine)
    anybodys |= {key: at for key, at in _waiting(work).items() if key[0] not in known}
    by_stream: dict[str, list[dict[str, str]]] = {}
    for entry in work.receipt.records:
        if entry["certain"] == "yes":
            by_stream.setdefault(entry["stream"], []).append(entry)
    found: list[_Shown] = []
    for name, entries in by_stream.items():
        stream = next((one for one in opened.system.streams if one.name == name), None)
        written = stream is not None and stream.direction.writes
        records = opened.connector.fetch(name, [ref_of(one) for one in entries])
        for entry, record in zip(entries, records, strict=True):
            one = _Shown(entry, written)
            one.lane = written and one.place in live
            found.append(one)
            if record is not None:
                theirs = owners.get(one.place)
                refused = _refused_of(work, theirs) if theirs else anybodys
                _look(work, stream, record, refused, one)
    return found


def _look(work: Work, stream: Stream | None, record: Record, refused: Refused, one: _Shown) -> None:
    """Note what a record still says that was refused."""
    topics = stream.topics_of(one.entry["scope"]) if stream else ()
    silent = any(c.topic == WHOLE_SCOPE and c.stance is Stance.NO for c in record.consents)
    for consent in record.consents:
        if consent.stance not in _SENDS:
            continue
        meant = [topic for topic in topics if topic.topic == consent.topic]
        if not meant and not silent:
            # nobody said what it means: of who objects to all marketing, a person looks
            one.by_hand |= not work.case.purposes
        for topic in meant:
            purposes = {
                effect.purpose
                for effect in topic.effects
                if (since := refused.get((effect.controller, effect.purpose))) is not None
                and not _since_then(consent, since)
            }
            if purposes and one.written and topic.direction.writes:
                one.topics.setdefault(topic.topic, set()).update(purposes)
            elif purposes and not silent:
                one.by_hand = True


def _since_then(consent: Consent, refused_at: datetime) -> bool:
    """Whether it is an act of the person after the refusal, which the sync has yet to read."""
    return consent.act is not None and consent.at is not None and consent.at > refused_at


def _refused_of(work: Work, persons: Iterable[Subject]) -> Refused:
    """What those persons refuse now."""
    deployment = work.deployment
    found: Refused = {}
    for person in persons:
        facts = person.facts(deployment.landscape, deployment.identities)
        for purpose, permission in facts.permissions.items():
            if permission.prohibited_at is not None and not permission.allowed:
                found[person.controller, purpose] = permission.prohibited_at
    return found


def _waiting(work: Work) -> Refused:
    """What the request's addresses refuse at controllers who know nobody by them."""
    found: Refused = {}
    with read_only(work.deployment.database).connect() as connection:
        for controller in work.task.controllers.split():
            digests = [
                work.deployment.identities.email(controller, one) for one in work.case.emails
            ]
            for kept in people.refusals(connection, controller, digests):
                found[controller, kept.purpose] = kept.at or kept.seen_at
    return found
