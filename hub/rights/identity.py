"""Who asks, and how that is known: proportionately, and noted (GDPR Arts. 12(2), 12(6)).

A signature is never required, and no copy of an identity paper is taken. Mail from the address on
record whose DKIM signature holds, or a one-time code sent to it, is enough; more only on a recorded
reasonable doubt. The evidence stands sealed in the case file.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from enum import StrEnum
from typing import Any

import dkim
import orjson

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import RequestState
from hub.rights import assess, coordinator
from hub.rights.casefile import CaseFile, aligned
from hub.rights.decide import CannotDecide, filed, load
from hub.rights.due import answered, dates, deadline_of
from hub.store import normalise, requests
from hub.store.normalise import Malformed
from hub.vault.database import Connection, Row

CODE_FOR = timedelta(days=2)
CODE_TRIES = 5
"""Wrong answers after which a code is void."""
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without what is read as something else
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+")
_SIGNATURES = 5
"""Signatures of a message that are looked at; each is a look into DNS."""

Resolve = Callable[..., bytes | None]
"""Answers a TXT record: name -> its text, as dkimpy asks (`dnsfunc`)."""


class How(StrEnum):
    """How the hub knows that the requester is the person, or may act for them."""

    ADDRESS_ON_RECORD = "address-on-record"  # mail from it, DKIM passing
    ONE_TIME_CODE = "one-time-code"  # sent to the address on record and given back
    SIGNED_MESSAGE = "signed-message"  # signed by hand or key; a handler looked at it
    KNOWN_TO_HANDLER = "known-to-handler"  # met, called back on a known number: with a note
    MANDATE = "mandate"  # a lawyer, a guardian (under 13): with a note of what was shown


def by_message(
    deployment: Deployment, number: int, raw: bytes, actor: str, resolve: Resolve | None = None
) -> bool:
    """Take the message that the request came in as evidence. Answers whether it is enough: its
    sender is the request's address, and the sender's domain signed it (RFC 6376).

    What is not enough is kept all the same. `resolve` looks DNS up; None asks the real one.
    """
    sender = _sender(raw)
    signed = _signed_by(raw, sender, resolve)
    with deployment.database.begin() as connection:
        request = filed(connection, number)
        case = assess.casefile(deployment, request)
        enough = sender == case.email and aligned(sender, signed)
        entry = {
            "kind": "message",
            "from": sender,
            "dkim": signed or "none",
            "message": raw.decode("utf-8", "replace"),
        }
        _add(connection, deployment, request, case, entry, actor)
        if enough:
            _known(connection, deployment, number, How.ADDRESS_ON_RECORD, actor)
        else:
            coordinator.tell(connection, deployment, number, Event.IDENTITY_EVIDENCE, actor)
    return enough


def by_handler(deployment: Deployment, number: int, how: How, note: str, actor: str) -> None:
    """A handler's word on who asks, with a note of what it rests on. Raises CannotDecide."""
    if how in (How.ADDRESS_ON_RECORD, How.ONE_TIME_CODE):
        raise CannotDecide("not-by-word", f"{how} is shown by the message or the code itself")
    if not note.strip():
        raise CannotDecide("note-missing", "note what it rests on; copies of papers are not taken")
    with deployment.database.begin() as connection:
        request = filed(connection, number)
        case = assess.casefile(deployment, request)
        entry = {"kind": how.value, "note": note}
        _add(connection, deployment, request, case, entry, actor)
        _known(connection, deployment, number, how, actor)


def doubt(deployment: Deployment, number: int, reason: str, actor: str) -> None:
    """Ask for more, on a reasonable doubt that is recorded (Art. 12(6)). The clock stands still
    from now, where this is prompt, until the answer."""
    if not reason.strip():
        raise CannotDecide("reason-missing", "a doubt needs its reason (Art. 12(6))")
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.state not in assess.PLANNABLE:
            raise CannotDecide(
                "wrong-state",
                f"request {number} is {request.state}: a doubt comes before it is carried out; "
                "what is under way can be put on hold",
            )
        case = assess.casefile(deployment, request)
        _add(connection, deployment, request, case, {"kind": "doubt", "note": reason}, actor)
        request = load(connection, number)
        _asked(connection, deployment, request)
        request = load(connection, number)
        requests.change(connection, request, state=RequestState.IDENTITY_PENDING.value, identity="")
        coordinator.tell(connection, deployment, number, Event.IDENTITY_DOUBTED, actor)


def new_code(deployment: Deployment, number: int, actor: str) -> str:
    """A one-time code to be sent to the address on record; an earlier one ends. It is answered
    once, to the handler who sends it, and only its digest is kept."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.state != RequestState.IDENTITY_PENDING.value:
            raise CannotDecide(
                "wrong-state",
                f"request {number} is {request.state}: a code is made while it is not known who "
                "asks; to ask once more, record a doubt with its reason first",
            )
        _asked(connection, deployment, request)
        request = load(connection, number)
        requests.change(
            connection,
            request,
            code_digest=deployment.identities.secret(f"code {number}", code),
            code_tries=0,
            code_until=now + CODE_FOR,
        )
        coordinator.tell(connection, deployment, number, Event.IDENTITY_CODE_SENT, actor)
    return code


def give_code(deployment: Deployment, number: int, code: str, actor: str) -> bool:
    """The code as the person gave it back; answers whether it is the right one.

    Raises CannotDecide where no code is out, it has ended, or it was guessed too often.
    """
    now = deployment.now()
    given = deployment.identities.secret(f"code {number}", code.strip().upper())
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.code_digest is None:
            raise CannotDecide("no-code", f"no code is out for request {number}: make one")
        if request.code_until is None or request.code_until < now:
            raise CannotDecide("code-ended", "the code has ended: make another")
        if request.code_tries >= CODE_TRIES:
            raise CannotDecide("code-void", "the code was given wrongly too often: make another")
        if not secrets.compare_digest(given, request.code_digest):
            requests.change(connection, request, code_tries=request.code_tries + 1)
            coordinator.tell(connection, deployment, number, Event.IDENTITY_CODE_FAILED, actor)
            return False
        requests.change(connection, request, code_digest=None, code_until=None)
        request = load(connection, number)
        case = assess.casefile(deployment, request)
        _add(connection, deployment, request, case, {"kind": How.ONE_TIME_CODE.value}, actor)
        _known(connection, deployment, number, How.ONE_TIME_CODE, actor)
    return True


def _known(
    connection: Connection, deployment: Deployment, number: int, how: How, actor: str
) -> None:
    """The person is known: open questions are answered, and the request is planned."""
    request = load(connection, number)
    if request.state not in assess.PLANNABLE:
        return
    asked = answered(request, deployment.now())
    requests.change(connection, request, identity=how.value, questions=asked)
    request = load(connection, number)
    requests.change(connection, request, **dates(request, deadline_of(request)))
    coordinator.tell(connection, deployment, number, Event.IDENTITY_CONFIRMED, actor, how=how.value)
    assess.plan(connection, deployment, number, actor)


def _asked(connection: Connection, deployment: Deployment, request: Row[Any]) -> None:
    """Note that a question about identity went out now, unless one is open."""
    asked = orjson.loads(request.questions)
    if any(then is None for _, then in asked):
        return
    asked.append([deployment.now().isoformat(), None])
    requests.change(connection, request, questions=orjson.dumps(asked).decode())


def _add(
    connection: Connection,
    deployment: Deployment,
    request: Row[Any],
    case: CaseFile,
    entry: dict[str, str],
    actor: str,
) -> None:
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    case.evidence.append({"at": deployment.now().isoformat(), "by": actor, **entry})
    requests.change(connection, request, casefile=case.seal(key, request.id))


def _sender(raw: bytes) -> str:
    """The one address that the message says it is from. "" where there is none, or several may be
    meant: a name that looks like another address is the oldest trick there is."""
    told = [str(one) for one in message_from_bytes(raw).get_all("From", [])]
    try:
        found = {normalise.email(one) for one in _ADDRESS.findall(" ".join(told))}
    except Malformed:
        return ""
    return found.pop() if len(found) == 1 else ""


def _signed_by(raw: bytes, sender: str, resolve: Resolve | None) -> str:
    """The domain whose DKIM signature holds and covers the sender, "" where none does. Of several
    signatures, as senders of many put them on, the sender's own is the one that counts."""
    more = {"dnsfunc": resolve} if resolve is not None else {}
    signed = ""
    for n in range(_SIGNATURES):
        try:
            checked = dkim.DKIM(raw)
            holds = checked.verify(n, **more)
        except Exception:  # noqa: S112 - strangers write these: what cannot be checked is not signed
            continue
        if not holds or all(name.lower() != b"from" for name, _ in checked.signed_headers or ()):
            continue
        domain = (checked.domain or b"").decode("ascii", "replace").lower()
        if aligned(sender, domain):
            return domain
        signed = signed or domain
    return signed
