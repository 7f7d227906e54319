"""What a person did or was sent, as a vendor tells it: mails, webinars, communications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from hub.api.types import Ref, Rejected


class ActivityKind(StrEnum):
    """What happened. Which of them a system's stream collects is configured."""

    MAIL_SENT = "mail-sent"
    MAIL_OPENED = "mail-opened"
    MAIL_CLICKED = "mail-clicked"
    REGISTERED = "registered"  # to a webinar or another event
    CANCELLED = "cancelled"  # a registration; no withdrawal of anything
    ATTENDED = "attended"
    ABSENT = "absent"  # registered, and did not come
    QUESTION = "question"  # asked at the event
    POLL = "poll"  # answered at the event
    COMMUNICATION = "communication"  # a call, meeting, note or mail with the person


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened with one record's person."""

    ref: Ref  # the record it belongs to, by its id; its scope is where it happened
    id: str  # the same whenever it is read; unique in (system, stream); no personal data
    kind: ActivityKind
    at: datetime  # aware
    about: str = ""  # title of the campaign or webinar, subject of a message
    detail: Mapping[str, str] = field(default_factory=dict)  # wording, answer, link, direction…


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Some activities, and where to go on once they are saved."""

    activities: Sequence[Activity]
    rejected: Sequence[Rejected]
    cursor: str  # opaque; reading again from here yields what follows this page


@runtime_checkable
class ReadsActivities(Protocol):
    """What a connector that declares Capability.READ_ACTIVITIES can do besides."""

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        """What happened with the records of that scope, of the kinds in `Context.activities`.

        None begins with the oldest that the vendor still tells of. Afterwards it yields what is
        new since the cursor, with an overlap: the same activity may come again, with the same id.
        A row that cannot be understood goes to `rejected`. Ends when there is nothing more now.
        Kinds that are not asked for are not fetched where the vendor lets them be left out.
        """
        ...
