"""Receiving a request: what is asked, of whom, by whom; and the same request only once.

The same is what asks for nothing else: another purpose, correction or address makes another
request. An objection counts each time that it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.deadline import answer_by
from hub.domain.landscape import FieldKind
from hub.domain.rights import RequestState, Right, acts_at_once, needs_identity
from hub.rights import assess, coordinator
from hub.rights.casefile import CaseFile
from hub.rights.notes import add_note
from hub.store import audit, normalise, requests
from hub.store.normalise import Malformed
from hub.store.sql import once_more
from hub.vault import KeyKind
from hub.vault.database import Connection
from hub.vault.rows import ids

LANGUAGES = ("fi", "sv", "en")
FUTURE = 60.0
"""Seconds by which a date may lie ahead: clocks differ."""
GDPR_APPLIES = datetime(2018, 5, 25, tzinfo=UTC)
"""Nothing was asked under these articles before."""


class Invalid(Exception):
    """Something that was given cannot be right: `field` names it, the text says the mend."""

    def __init__(self, field_: str, message: str) -> None:
        super().__init__(message)
        self.field = field_


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was received."""

    right: Right
    controllers: Sequence[str]
    email: str
    received_at: datetime
    name: str = ""
    phone: str = ""
    language: str = "fi"
    also_known_as: Sequence[str] = ()
    message: str = ""
    corrections: Mapping[str, str] = field(default_factory=dict)
    purposes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening came to."""

    number: int
    fresh: bool  # False: an open request that asks the same was there already
    systems: Sequence[str] = ()  # that have something to do at once


def open_request(deployment: Deployment, asked: Asked, actor: str) -> Opened:
    """Receive a request. An objection takes effect in the same transaction; what needs no
    identity check is planned at once. Raises Invalid."""
    # the same at once is received once: on PostgreSQL the second try sees the first one's row
    return once_more(lambda: _received(deployment, asked, actor))


def _received(deployment: Deployment, asked: Asked, actor: str) -> Opened:
    case = _case(deployment, asked)
    controllers = sorted(set(asked.controllers))
    duplicate = deployment.identities.request(
        asked.right.value, controllers, case.email, _beside(case)
    )
    # keys commit first, then rows: a crash between leaves a key that is collected
    ((key_id, key),) = deployment.vault.new_keys(KeyKind.REQUEST, 1)
    now = deployment.now()
    received_at = min(asked.received_at, now)  # nothing happens to it before it was received
    due = answer_by(received_at)
    with deployment.database.begin() as connection:
        twin = requests.open_twin(connection, duplicate)
        if twin is not None:
            return Opened(twin, False, _again(connection, deployment, twin, case, actor))
        (number,) = ids(connection, requests.request, 1)
        state = (
            RequestState.IDENTITY_PENDING if needs_identity(asked.right) else RequestState.ASSESSING
        )
        assert due.target is not None and due.ends is not None  # nothing pauses it yet
        requests.add(
            connection,
            {
                "id": number,
                "right": asked.right.value,
                "controllers": " ".join(controllers),
                "also": "",
                "state": state.value,
                "open": True,
                "on_hold": False,
                "version": 1,
                "key_id": key_id,
                "casefile": case.seal(key, number),
                "duplicate": duplicate,
                "received_at": received_at,
                "target_on": due.target,
                "due_on": due.ends,
                "questions": "[]",
                "extended_reason": "",
                "escalated": "",
                "identity": "" if needs_identity(asked.right) else "not-needed",
                "code_tries": 0,
                "plan": "",
                "plan_hash": "",
                "merged": "",
                "approved_by": "",
                "second_by": "",
                "watched": 0,
                "reason": "",
            },
        )
        audit.record(
            connection,
            now,
            Event.REQUEST_RECEIVED,
            actor,
            f"request {number}",
            {"right": asked.right.value, "controllers": ":".join(controllers)},
        )
        systems: list[str] = []
        if not needs_identity(asked.right):
            assess.plan(connection, deployment, number, actor)
        if acts_at_once(asked.right) and not needs_identity(asked.right):
            request = requests.get(connection, number)
            assert request is not None  # added above
            requests.change(connection, request, approved_at=now, approved_by=actor)
            request = requests.get(connection, number)
            assert request is not None  # added above
            systems = coordinator.start(connection, deployment, request, case, actor)
    return Opened(number, fresh=True, systems=systems)


def _beside(case: CaseFile) -> list[str]:
    """What a request asks beside its right, in an order of its own."""
    asked = [f"purpose {one}" for one in case.purposes]
    asked += [f"correction {name} {value}" for name, value in case.corrections.items()]
    asked += [f"address {one}" for one in case.emails if one != case.email]
    asked += [f"phone {case.phone}"] if case.phone else []
    return sorted(set(asked))


def _again(
    connection: Connection, deployment: Deployment, number: int, case: CaseFile, actor: str
) -> list[str]:
    """The person asks again for what is open: nothing they say is lost. An objection takes effect
    anew, for they may have agreed to something meanwhile. Answers the systems with something to do.
    """
    request = requests.get(connection, number, lock=True)
    assert request is not None  # it was found by the same transaction
    coordinator.tell(connection, deployment, number, Event.REQUEST_DUPLICATE, actor)
    known = assess.casefile(deployment, request)
    if case.message and case.message != known.message:
        add_note(connection, deployment, request, "notes", case.message, actor)
        request = requests.get(connection, number)
        assert request is not None  # as above
    if needs_identity(Right(request.right)) or request.approved_at is None:
        return []
    made = assess.draft(connection, deployment, request, known)
    plan = {"plan": made.canonical().decode(), "plan_hash": made.hash}
    requests.change(connection, request, planned_at=deployment.now(), **plan)
    request = requests.get(connection, number)
    assert request is not None  # as above
    return coordinator.start(connection, deployment, request, known, actor)


def _case(deployment: Deployment, asked: Asked) -> CaseFile:
    """The case file of what was asked. Raises Invalid."""
    landscape = deployment.landscape
    if not asked.controllers:
        raise Invalid("controllers", "name the controller that is asked, or both")
    for one in asked.controllers:
        if one not in landscape.controllers:
            known = ", ".join(landscape.controllers)
            raise Invalid("controllers", f"there is no such controller; the controllers: {known}")
    if asked.received_at.tzinfo is None:
        raise Invalid(
            "received_at", "give the time with its zone, such as 2026-11-02T10:00:00+02:00"
        )
    ahead = (asked.received_at - deployment.now()).total_seconds()
    if ahead > FUTURE:
        raise Invalid("received_at", "a request cannot be received in the future")
    if asked.received_at < GDPR_APPLIES:
        raise Invalid(
            "received_at", f"no request was received before {GDPR_APPLIES:%Y-%m-%d}: see the year"
        )
    if asked.language not in LANGUAGES:
        raise Invalid("language", f"one of {', '.join(LANGUAGES)}")
    if asked.right is Right.RECTIFICATION and not asked.corrections:
        raise Invalid("corrections", "say which fields are to be corrected, and how")
    if asked.corrections and asked.right is not Right.RECTIFICATION:
        raise Invalid("corrections", f"only a rectification has corrections, not {asked.right}")
    for name, value in asked.corrections.items():
        known_field = landscape.fields.get(name)
        if known_field is None:
            raise Invalid(f"corrections.{name}", f"there is no such field; {_fields(deployment)}")
        if known_field.kind is FieldKind.LIST:
            raise Invalid(f"corrections.{name}", "a list is corrected in the tool that keeps it")
        try:
            normalise.plain(known_field.kind, value)
        except Malformed as error:
            raise Invalid(f"corrections.{name}", str(error)) from None
    if asked.purposes and asked.right is not Right.OBJECTION:
        raise Invalid("purposes", f"only an objection names purposes, not {asked.right}")
    theirs = [p.id for p in landscape.purposes.values() if p.controllers & {*asked.controllers}]
    if not {*asked.purposes} <= {*theirs}:
        told = ", ".join(theirs) or "none"
        raise Invalid("purposes", f"who is asked has no such purpose; theirs: {told}")
    return CaseFile(
        email=_address("email", asked.email),
        name=asked.name.strip(),
        phone=_phone(asked.phone),
        language=asked.language,
        also_known_as=[_address("also_known_as", one) for one in asked.also_known_as],
        message=asked.message,
        corrections=dict(asked.corrections),
        purposes=list(asked.purposes),
    )


def _address(name: str, text: str) -> str:
    try:
        return normalise.email(text)
    except Malformed as error:
        raise Invalid(name, str(error)) from None


def _phone(text: str) -> str:
    if not text.strip():
        return ""
    number = normalise.plain(FieldKind.PHONE, text)
    if not isinstance(number, str) or not number.startswith("+"):
        raise Invalid("phone", "write the number with its country code, such as +358…")
    return number


def _fields(deployment: Deployment) -> str:
    return f"the fields: {', '.join(deployment.landscape.fields)}"
