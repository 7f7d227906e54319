"""Correcting a person's values everywhere (GDPR Art. 16), and telling every recipient (Art. 19).

What crossed to the other controller and is erased here is taken back there by the same means: an
empty value, written to the records that show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hub.api import FieldValue, Record, Result
from hub.delivery.deployment import Opened
from hub.delivery.plan import Intent, same
from hub.delivery.settle import agree
from hub.domain.landscape import Stream, System
from hub.domain.profile import Plain
from hub.rights import targets
from hub.rights.acting import Sent
from hub.rights.casefile import ref_of
from hub.store import subjects
from hub.store.deliveries import Lane
from hub.store.normalise import plain, vendor_value
from hub.store.subjects import Subject
from hub.vault.database import Connection

if TYPE_CHECKING:
    from hub.rights.work import Work


ACTS = ("rectify", "clear")
"""The acts that write fields."""


def values(work: Work, stream: Stream, entry: dict[str, str]) -> dict[str, tuple[str, FieldValue]]:
    """Vendor's field -> (hub field, the value it should have) of what the request corrects in that
    record, or takes back there."""
    found: dict[str, tuple[str, FieldValue]] = {}
    # another controller's own knowledge is for it to correct, and nothing new crosses to it
    others = not targets.addressed(work.request, work.task.controllers)
    crossed = _crossed(work, stream, entry) if others else {}
    for mapping in stream.fields:
        if others and mapping.vendor not in crossed:
            continue
        if work.task.act == "clear":
            if mapping.direction.writes:
                found[mapping.vendor] = (mapping.hub, None)
        elif mapping.hub in work.case.corrections:
            kind = work.deployment.landscape.fields[mapping.hub].kind
            right = work.case.corrections[mapping.hub]
            value = plain(kind, right) if right else None
            if not _outdated(work, mapping.hub, value):
                found[mapping.vendor] = (mapping.hub, vendor_value(value))
    return found


def _outdated(work: Work, name: str, value: Plain | None) -> bool:
    """Whether the person has another value since the correction took effect: they changed it
    again, or had it corrected again. A task that was late brings the old one nowhere."""
    held = [one.profile[name].value for one in work.mine if name in one.profile]
    return bool(held) and value not in held


def _crossed(work: Work, stream: Stream, entry: dict[str, str]) -> dict[str, FieldValue]:
    """Vendor's field -> value of what the record's person is, or was, known by only from the
    addressed controllers, and that is not in dispute with what the record says itself."""
    place = (work.task.system, entry["stream"], entry["scope"])
    for person in work.mine:
        for linked in person.links:
            if linked.place != place or linked.external_id != entry["id"]:
                continue
            theirs = _from_here(work, person)
            held = linked.shadow.held
            return {
                mapping.vendor: theirs[mapping.hub]
                for mapping in stream.fields
                if mapping.hub in theirs and mapping.vendor not in held
            }
    return {}


def _from_here(work: Work, person: Subject) -> dict[str, FieldValue]:
    """Hub field -> value that a person of another controller has, or had, only from here."""
    kept: dict[str, FieldValue] = work.case.crossed.get(str(person.id), {})
    if work.task.act == "clear":
        return kept  # the hub forgot it when the request began
    # what was corrected to nothing is theirs only from here too
    controllers = {*work.request.controllers.split(), *work.request.also.split()}
    return {
        name: vendor_value(value.value)
        for name, value in person.profile.items()
        if value.origins <= controllers
    }


def wanted(work: Work, opened: Opened, entry: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """What to write to one record: the vendor's fields, and the hub's names of them. Nothing where
    the system has no such field. Raises ConnectorError."""
    stream = _stream(opened.system, entry)
    right = values(work, stream, entry) if stream else {}
    if stream and right and work.task.act == "clear":
        # only what it shows of ours is emptied, not what somebody there wrote since
        (record,) = opened.connector.fetch(entry["stream"], [ref_of(entry)])
        shows = _shows(work, stream, entry, record) if record else set()
        right = {vendor: one for vendor, one in right.items() if vendor in shows}
    return {vendor: value for vendor, (_, value) in right.items()}, [
        hub for hub, _ in right.values()
    ]


def _shows(work: Work, stream: Stream, entry: dict[str, str], record: Record) -> set[str]:
    """Vendor's fields in which the record still shows what came from the addressed controllers."""
    hub_name = {mapping.vendor: mapping.hub for mapping in stream.fields}
    return {
        vendor
        for vendor, value in _crossed(work, stream, entry).items()
        if record.fields.get(vendor)
        and same(work.deployment, hub_name[vendor], record.fields.get(vendor), value)
    }


def shown(work: Work, opened: Opened, entries: Sequence[dict[str, str]]) -> list[tuple[bool, str]]:
    """Whether each record shows the corrected values now."""
    answers: list[tuple[bool, str]] = []
    for entry in entries:
        stream = _stream(opened.system, entry)
        right = values(work, stream, entry) if stream else {}
        if stream is None or not right:
            answers.append((True, "nothing-to-correct"))
            continue
        (record,) = opened.connector.fetch(entry["stream"], [ref_of(entry)])
        if record is None:
            answers.append((True, "gone"))
            continue
        if work.task.act == "clear":
            done = not _shows(work, stream, entry, record).intersection(right)
        else:
            done = all(
                same(work.deployment, hub, record.fields.get(vendor), value)
                or (value is None and not record.fields.get(vendor))
                for vendor, (hub, value) in right.items()
            )
        answers.append((done, "corrected" if done else "not-shown-yet"))
    return answers


def agreed(work: Work, connection: Connection, system: System, sent: Sent, result: Result) -> None:
    """Move the link's shadow to what was written, so that it is no change when it is read."""
    stream = _stream(system, sent.entry)
    if stream is None or sent.link_id is None:
        return
    fresh = subjects.load(
        connection,
        work.deployment.vault,
        work.deployment.identities,
        [person for link, person in work.links.values() if link == sent.link_id],
        lock=True,
    )
    for person in fresh.values():
        linked = next((one for one in person.links if one.id == sent.link_id), None)
        if linked is None:
            continue
        intent = Intent(Lane.RECORD, fields=dict(sent.write.fields))
        agree(work.deployment, stream, linked, intent, result.record, work.deployment.now())
        subjects.save_links(connection, work.deployment.identities, [(linked, person.key)])


def _stream(system: System, entry: dict[str, str]) -> Stream | None:
    return next((one for one in system.streams if one.name == entry["stream"]), None)
