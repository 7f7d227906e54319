"""The rights of data subjects (GDPR Arts. 13-22): their names, and the states of request and task.

What a right means for a lawful basis is in `basis`, what may be kept from it in `exemption`, what
is approved and when it is complete in `plan`, when it is due in `deadline`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Right(StrEnum):
    """What a person may ask for. To withdraw a consent (Art. 7(3)) needs no request: it is an event
    of the permission ledger from the moment it is said."""

    INFORMATION = "information"
    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    NO_AUTOMATED_DECISIONS = "no_automated_decisions"

    @property
    def article(self) -> str:
        """Where the GDPR has it: "17", "13-14"."""
        return _ARTICLES[self]


_ARTICLES: Mapping[Right, str] = {
    Right.INFORMATION: "13-14",
    Right.ACCESS: "15",
    Right.RECTIFICATION: "16",
    Right.ERASURE: "17",
    Right.RESTRICTION: "18",
    Right.PORTABILITY: "20",
    Right.OBJECTION: "21",
    Right.NO_AUTOMATED_DECISIONS: "22",
}


def needs_identity(right: Right) -> bool:
    """Whether somebody must show who they are first. An objection, like a withdrawal, harms nobody
    if a stranger makes it and the person if it waits, so it needs none (DESIGN section 4)."""
    return right is not Right.OBJECTION


def acts_at_once(right: Right) -> bool:
    """Whether it takes effect the moment it is recorded, before any plan: what the person is owed
    by the deadline is then the answer."""
    return right in (Right.OBJECTION, Right.RESTRICTION)


def is_watched(right: Right) -> bool:
    """Whether the systems are read again after closing: a lagging one may bring the person back."""
    return right is Right.ERASURE


class Way(StrEnum):
    """By what way a person was told."""

    EMAIL = "email"
    LETTER = "letter"
    PHONE = "phone"
    IN_PERSON = "in-person"


class DataCategory(StrEnum):
    """What kind of data a system may hold of a person: a refusal may concern one of them only."""

    IDENTITY = "identity"  # name, identifiers
    CONTACT = "contact"  # e-mail, phone, address, employer
    PERMISSIONS = "permissions"
    ACTIVITIES = "activities"  # mails opened, webinars attended
    COMMUNICATIONS = "communications"  # calls, meetings, notes, mails with the person
    PROFILE = "profile"  # title, interests, scores
    BILLING = "billing"


class RequestState(StrEnum):
    """Where a request is. That it is extended or on hold is told apart from it: either may be true
    in any open state."""

    RECEIVED = "received"
    IDENTITY_PENDING = "identity_pending"
    ASSESSING = "assessing"
    PLANNED = "planned"  # the plan is frozen and waits for approval
    COOLING_OFF = "cooling_off"
    EXECUTING = "executing"
    ATTENTION = "attention"  # a person must act before it goes on
    AWAITING_EXTERNAL = "awaiting_external"  # only tasks done by hand are left
    VERIFYING = "verifying"
    NOTIFYING = "notifying"
    CLOSED = "closed"
    CLOSED_WITH_EXCEPTIONS = "closed_with_exceptions"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    WATCHING = "watching"  # a closed erasure whose systems are read again
    ARCHIVED = "archived"  # the case file has ended too

    @property
    def is_open(self) -> bool:
        """Whether the person still waits for an answer: the clock runs."""
        return self not in _ENDED

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows any more."""
        return not MOVES[self]


_S = RequestState

_ENDED = frozenset(
    {_S.CLOSED, _S.CLOSED_WITH_EXCEPTIONS, _S.REFUSED, _S.WITHDRAWN, _S.WATCHING, _S.ARCHIVED}
)
_CLOSED = frozenset({_S.CLOSED, _S.CLOSED_WITH_EXCEPTIONS})
_AT_WORK = frozenset({_S.EXECUTING, _S.ATTENTION, _S.AWAITING_EXTERNAL, _S.VERIFYING})

MOVES: Mapping[RequestState, frozenset[RequestState]] = {
    # straight to planned: a right that acts at once, or a person who is known and clear
    # straight to notifying: the whole is refused, and the person is told why
    _S.RECEIVED: frozenset(
        {_S.IDENTITY_PENDING, _S.ASSESSING, _S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN}
    ),
    _S.IDENTITY_PENDING: frozenset({_S.ASSESSING, _S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN}),
    _S.ASSESSING: frozenset({_S.IDENTITY_PENDING, _S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN}),
    _S.PLANNED: frozenset(
        {
            _S.IDENTITY_PENDING,
            _S.ASSESSING,
            _S.COOLING_OFF,
            _S.EXECUTING,
            _S.NOTIFYING,
            _S.WITHDRAWN,
        }
    ),
    # back to planned, here and below: a merge made the plan grow, and it is approved anew
    _S.COOLING_OFF: frozenset({_S.PLANNED, _S.EXECUTING, _S.WITHDRAWN}),
    # what is being carried out is not refused any more: parts of it may be exempt
    _S.EXECUTING: _AT_WORK - {_S.EXECUTING} | {_S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN},
    _S.ATTENTION: _AT_WORK - {_S.ATTENTION} | {_S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN},
    _S.AWAITING_EXTERNAL: (
        _AT_WORK - {_S.AWAITING_EXTERNAL} | {_S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN}
    ),
    _S.VERIFYING: _AT_WORK - {_S.VERIFYING} | {_S.PLANNED, _S.NOTIFYING, _S.WITHDRAWN},
    # a notice that fails calls a person; it never sends finished tasks back to work
    _S.NOTIFYING: _CLOSED | {_S.REFUSED, _S.ATTENTION, _S.PLANNED},
    # a closed request never opens again: what it kept on a ground is erased at the end of that by
    # tasks of its own, a person who is found again is an incident
    _S.CLOSED: frozenset({_S.WATCHING, _S.ARCHIVED}),
    _S.CLOSED_WITH_EXCEPTIONS: frozenset({_S.WATCHING, _S.ARCHIVED}),
    _S.REFUSED: frozenset({_S.ARCHIVED}),
    _S.WITHDRAWN: frozenset({_S.ARCHIVED}),
    _S.WATCHING: frozenset({_S.ARCHIVED}),
    _S.ARCHIVED: frozenset(),
}
"""The moves of a request. The clock stops with the first of the states that are not open."""


def may_move(now: RequestState, then: RequestState) -> bool:
    """Whether a request in one state may go to the other. To stay is no move."""
    return then in MOVES[now]


def may_withdraw(right: Right, now: RequestState) -> bool:
    """Whether the person may take the request back: until its work began, and after that only where
    the work changes nothing; what is half erased, corrected or stopped is brought to its end."""
    if not may_move(now, RequestState.WITHDRAWN):
        return False
    reads_only = right in (Right.INFORMATION, Right.ACCESS, Right.PORTABILITY)
    return reads_only or now not in _AT_WORK


class TaskState(StrEnum):
    """Where one system's part of a request is."""

    PENDING = "pending"
    RUNNING = "running"
    SENT = "sent"  # the vendor was asked
    CONFIRMED = "confirmed"  # the vendor, or a named person, said that it is done
    VERIFIED = "verified"  # reading back shows it
    NOT_HELD = "not_held"  # verified: nothing of the person is there
    EXEMPT = "exempt"  # kept on a stated ground
    AWAITING_EXTERNAL = "awaiting_external"  # waits for somebody outside the hub
    ATTENTION = "attention"  # a person must act


def is_terminal(state: TaskState, *, by_person: bool = False, ground: str = "") -> bool:
    """Whether a task in that state is proof enough to close on (I8).

    A vendor's word alone is not (it has to be read back), a named person's is: `by_person`. An
    exemption counts with its `ground`, see `exemption`.
    """
    if state is TaskState.CONFIRMED:
        return by_person
    if state is TaskState.EXEMPT:
        return bool(ground)
    return state in (TaskState.VERIFIED, TaskState.NOT_HELD)
