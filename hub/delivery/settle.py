"""Settling: what a vendor answered becomes shadow, link and settled rows, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hub.api import EXISTS, Consent, Record, Result, Stance, Verdict
from hub.delivery.claim import Claimed
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.fanout import fan_out
from hub.delivery.lapse import lapse
from hub.delivery.plan import Intent, same
from hub.domain.landscape import Stream
from hub.domain.permission import EventKind, PermissionEvent
from hub.store import deliveries, ledger, links, people, progress, questions, subjects
from hub.store.deliveries import Lane, State
from hub.store.documents import Shadow, stated
from hub.store.subjects import Linked, Subject
from hub.vault.database import Connection
from hub.vault.rows import ids

LONGEST_WAIT = timedelta(hours=1)
LONGEST_ASKED = timedelta(days=1)
"""A vendor may ask for any time, also by mistake."""


@dataclass(slots=True)
class _Settling:
    """The changes of one settling transaction, gathered before they are written."""

    connection: Connection
    deployment: Deployment
    opened: Opened
    stream: Stream
    scope: str
    now: datetime
    ended: list[dict[str, Any]] = field(default_factory=list)
    touched: list[tuple[Linked, Subject]] = field(default_factory=list)
    replan: dict[int, Subject] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    def end(self, one: Claimed, state: State, reason: str, linked: Linked | None = None) -> None:
        at = linked or one.linked
        self.ended.append(
            {
                "id": one.id,
                "state": state.value,
                "reason": reason,
                "link_id": at.id if at else None,
                "settled_at": self.now,
            }
        )
        self.outcomes[state.value] += 1


def settle(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    stream: Stream,
    scope: str,
    outcomes: Sequence[tuple[Claimed, Result]],
) -> Counter[str]:
    """Record how each claimed delivery ended. Answers how many ended in which way.

    Raises Fenced where another run took the system over: then nothing is recorded here, and that
    run reads back what this one sent.
    """
    with deployment.database.begin() as connection:
        progress.check(connection, opened.system.id, epoch)
        work = _Settling(connection, deployment, opened, stream, scope, deployment.now())
        _renew(work, [one for one, _ in outcomes])
        made: list[tuple[Claimed, Record]] = []
        for one, result in outcomes:
            _verdict(work, one, result, made)
        _link(work, made)
        lapse(connection, deployment, work.replan.values())
        subjects.save(connection, work.replan.values(), work.now)
        subjects.save_links(
            connection,
            deployment.identities,
            [(linked, subject.key) for linked, subject in work.touched],
        )
        deliveries.settle(connection, work.ended)
        if work.replan:
            fan_out(connection, deployment, work.replan.values(), work.now)
    return work.outcomes


def _renew(work: _Settling, claimed: Sequence[Claimed]) -> None:
    """Take up persons that moved while their write was out; they are planned again afterwards."""
    now = people.versions(work.connection, {one.subject.id for one in claimed})
    moved = {
        one.subject.id for one in claimed if now.get(one.subject.id) != (one.subject.version, None)
    }
    if not moved:
        return
    merged = {before: now[before][1] for before in moved if before in now}
    present = {before: merged.get(before) or before for before in moved}
    fresh = subjects.load(
        work.connection,
        work.deployment.vault,
        work.deployment.identities,
        present.values(),
        lock=True,
    )
    for one in claimed:
        subject = fresh.get(present.get(one.subject.id, 0))
        if subject is None:
            continue
        one.subject = subject
        if one.linked:
            one.linked = next((at for at in subject.links if at.id == one.linked.id), one.linked)
        work.replan[subject.id] = subject


def _verdict(
    work: _Settling, one: Claimed, result: Result, made: list[tuple[Claimed, Record]]
) -> None:
    match result.verdict:
        case Verdict.OK if one.linked is not None:
            agree(work.deployment, work.stream, one.linked, one.intent, result.record, work.now)
            work.touched.append((one.linked, one.subject))
            work.end(one, State.DONE, result.reason)
        case Verdict.OK if result.record is not None and result.record.ref.id:
            made.append((one, result.record))
        case Verdict.OK | Verdict.UNKNOWN:
            deliveries.mark_unknown(work.connection, [one.id])
            work.outcomes[State.UNKNOWN.value] += 1
        case Verdict.RETRYABLE:
            _adopt_parts(work, one, result.record)
            if result.record is None and not one.read_back:
                deliveries.forget_try(work.connection, one.id, *one.told)  # nothing arrived
            due_at = work.now + _wait(one.tries, result.retry_after)
            deliveries.put_back(work.connection, [one.id], due_at, result.reason)
            work.outcomes["put-back"] += 1
        case Verdict.REFUSED:
            _refused(work, one, result)
        case Verdict.PERMANENT if result.reason == EXISTS:
            work.end(one, State.CANCELLED, EXISTS)
        case Verdict.PERMANENT:
            _failed(work, one, result)


def _adopt_parts(work: _Settling, one: Claimed, record: Record | None) -> None:
    """Parts of a half-done write that did arrive are ours: met again, they are an echo."""
    if one.linked is None or record is None:
        return
    part = arrived(work.deployment, work.stream, one.intent, record)
    if part.fields or part.consents:
        agree(work.deployment, work.stream, one.linked, part, _unversioned(record), work.now)
        work.touched.append((one.linked, one.subject))


def arrived(deployment: Deployment, stream: Stream, intent: Intent, record: Record) -> Intent:
    """The parts of a write that the record shows."""
    names = {mapping.vendor: mapping.hub for mapping in stream.fields}
    stances = {consent.topic: consent.stance for consent in record.consents}
    return Intent(
        intent.lane,
        fields={
            vendor: written
            for vendor, written in intent.fields.items()
            if vendor in names
            and vendor in record.fields
            and same(deployment, names[vendor], record.fields[vendor], written)
        },
        consents=[one for one in intent.consents if stances.get(one.topic) is one.stance],
    )


def _unversioned(record: Record) -> Record:
    """The record's content without its version: what else it shows is still to be read."""
    return replace(record, version="")


def _wait(tries: int, asked: float | None) -> timedelta:
    """How long to wait before the next try: what the vendor asks, and longer the more often it
    failed. A write that was read back and is not there goes again at once, a few times."""
    wait = min(timedelta(seconds=5 * 2 ** min(tries, 10)), LONGEST_WAIT)
    if asked is None:
        return wait
    given = timedelta(seconds=min(asked, LONGEST_ASKED.total_seconds()))
    return given if tries <= 3 else max(wait, given)


def agree(
    deployment: Deployment,
    stream: Stream,
    linked: Linked,
    intent: Intent,
    record: Record | None,
    now: datetime,
) -> None:
    """Move a link's shadow to what was written, in the words in which the vendor stored it."""
    shadow = linked.touch()
    returned = record.fields if record else {}
    names = {mapping.vendor: mapping.hub for mapping in stream.fields}
    for vendor, written in intent.fields.items():
        stored = returned.get(vendor, written)
        shadow.fields[vendor] = stored
        if same(deployment, names[vendor], stored, written):
            shadow.sent.pop(vendor, None)
        else:
            shadow.sent[vendor] = written
    told = stated(record.consents) if record else {}
    for consent in intent.consents:
        topic = consent.topic
        shadow.consents[topic] = told.get(topic, (consent.stance.value, None, None))
        shadow.echoes[topic] = (consent.stance.value, now.isoformat())
    if record:
        linked.version = max(linked.version, record.version)
    today = now.toordinal()
    linked.writes = linked.writes + 1 if linked.writes_on == today else 1
    linked.writes_on = today


def _link(work: _Settling, made: list[tuple[Claimed, Record]]) -> None:
    """Links of the records that were created."""
    if not made:
        return
    system, stream = work.opened.system.id, work.stream.name
    known = links.known(
        work.connection, system, stream, work.scope, [record.ref.id for _, record in made]
    )
    numbers = ids(work.connection, links.link, len(made))
    for (one, record), number in zip(made, numbers, strict=True):
        taken = [
            at
            for at in known.get(record.ref.id, ())
            # in a joint system the partner's person has a link of its own to the record
            if at.controller == one.subject.controller and at.person_id != one.subject.id
        ]
        if taken:
            _somebody_elses(work, one, record, taken[0].person_id)
            continue
        mine = next((at for at in one.subject.links if at.external_id == record.ref.id), None)
        linked = mine or Linked(
            id=number,
            system=system,
            stream=stream,
            scope=work.scope,
            external_id=record.ref.id,
            controller=one.subject.controller,
            person_id=one.subject.id,
            digest=b"",
            sealed=b"",
            version=record.version,
            state="live",
            opened=Shadow(),  # holds what we wrote; the rest is met when it is read
        )
        agree(work.deployment, work.stream, linked, one.intent, record, work.now)
        if mine is None:
            one.subject.links.append(linked)
        work.touched.append((linked, one.subject))
        work.end(one, State.DONE, "created", linked)


def _somebody_elses(work: _Settling, one: Claimed, record: Record, other: int) -> None:
    """The vendor took our create for a record that is linked to another person."""
    (number,) = ids(work.connection, questions.review, 1)
    questions.ask(
        work.connection,
        {
            "id": number,
            "kind": "identity",
            "system": work.opened.system.id,
            "stream": work.stream.name,
            "scope": work.scope,
            "external_id": record.ref.id,
            "persons": f"{other} {one.subject.id}",
            "reason": "a new record turned out to be one that belongs to another person",
            "created_at": work.now,
        },
    )
    work.end(one, State.DONE, "linked-to-another")


def _refused(work: _Settling, one: Claimed, result: Result) -> None:
    """The vendor's compliance state: it knows of a refusal that we did not."""
    refused = [consent.topic for consent in one.intent.consents if consent.stance is Stance.YES]
    told = {consent.topic: consent for consent in result.record.consents} if result.record else {}
    events = [
        PermissionEvent(
            purpose=effect.purpose,
            kind=EventKind.WITHDRAWAL,
            seen_at=work.now,
            # the refusal's own time where the vendor tells: an older one than the consent that
            # we acted on does not undo it
            at=told[topic.topic].at if topic.topic in told else None,
            act="compliance-state",
            system=work.opened.system.id,
        )
        for topic in work.stream.topics_of(work.scope)
        if topic.topic in refused and not _known_refusal(one, told.get(topic.topic), topic.topic)
        for effect in topic.effects
        if effect.controller == one.subject.controller
    ]
    numbers = ids(work.connection, ledger.event, len(events))
    ledger.append(
        work.connection,
        [
            ledger.row(number, one.subject.id, one.subject.hear(event))
            for number, event in zip(numbers, events, strict=True)
        ],
    )
    if events:
        work.replan[one.subject.id] = one.subject
    if one.linked:
        shadow = one.linked.touch()
        for topic_id in refused:
            shown = told.get(topic_id, Consent(topic_id, Stance.NO))
            shadow.consents.update(stated([shown]))
            # asked and refused: it is not asked again until something changes there
            shadow.echoes[topic_id] = (Stance.YES.value, work.now.isoformat())
        work.touched.append((one.linked, one.subject))
    work.end(one, State.REFUSED, result.reason)


def _known_refusal(one: Claimed, told: Consent | None, topic: str) -> bool:
    """Whether the vendor only repeats the refusal that the shadow has, without a time: the person
    consented later elsewhere, and this tool lets nobody but the person undo it here."""
    if one.linked is None or (told is not None and told.at):
        return False
    return one.linked.shadow.consents.get(topic, ("", None, None))[0] == Stance.NO.value


def _failed(work: _Settling, one: Claimed, result: Result) -> None:
    """A write that will never succeed as it stands: somebody has to look."""
    (number,) = ids(work.connection, questions.quarantine, 1)
    questions.put_aside(
        work.connection,
        {
            "id": number,
            "system": work.opened.system.id,
            "stream": work.stream.name,
            "scope": work.scope,
            "external_id": one.linked.external_id if one.linked else f"person {one.subject.id}",
            "reason": f"{'consent' if one.lane is not Lane.RECORD else 'write'} refused: "
            f"{result.reason}",
            "raw": None,
            "key_id": None,
            "seen_at": work.now,
        },
    )
    work.end(one, State.FAILED, result.reason)
