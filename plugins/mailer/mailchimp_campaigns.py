"""Campaigns as their reports tell of them, single activities, and where reading them stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from hub.api import Activity, ActivityKind, BadAnswer, Ref
from plugins.mailer.mailchimp_mapping import STREAM
from plugins.mailer.mailchimp_values import Malformed, stamp, utc

BY_ACTION = {"open": ActivityKind.MAIL_OPENED, "click": ActivityKind.MAIL_CLICKED}

GROWS = timedelta(days=7)
"""How long a campaign may go on being sent: time zones, batches."""

SENT_AT_ONCE = ("regular", "plaintext", "absplit", "variate")
"""Types of campaigns whose time of sending is that of each of their mails."""

PARTS = SENT, DID, DONE = ("sent", "did", "done")
"""What is read of a campaign, in this order."""

_EVER = datetime.max.replace(tzinfo=UTC)
"""Stands for a time that the report does not tell: always new."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A report, as far as it tells whether there is anything to read."""

    id: str
    at: datetime  # when it was sent
    about: str
    subject: str
    emails: int
    sent_at_once: bool
    last: Mapping[ActivityKind, datetime | None]  # None: never, as far as the report says

    @property
    def key(self) -> str:
        """Sorts by time."""
        return f"{stamp(self.at)} {self.id}"

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Campaign:
        """Raises Malformed, KeyError, TypeError, AttributeError."""
        title, subject = row.get("campaign_title") or "", row.get("subject_line") or ""
        last: dict[ActivityKind, datetime | None] = {}
        for part, kind in BY_ACTION.items():
            told = row.get(f"{part}s") or {}
            try:
                last[kind] = utc(told[f"last_{part}"])
            except (Malformed, KeyError):
                # a total without a time is no ground to leave anything out
                last[kind] = _EVER if told.get(f"{part}s_total") else None
        return cls(
            id=row["id"],
            at=utc(row["send_time"]),
            about=title or subject,
            subject=subject,
            emails=int(row.get("emails_sent") or 0),
            sent_at_once=row.get("type") in SENT_AT_ONCE,
            last=last,
        )


@dataclass
class Place:
    """Where reading stands; its JSON is the cursor. Times, counts and campaign ids only."""

    kinds: list[str]
    since: str | None = None  # what happened up to then has been read
    sent: dict[str, int] = field(default_factory=dict)  # young campaign -> mails that were read
    began: str | None = None  # of the pass that is under way
    campaign: str = ""  # key of the campaign that it is at
    part: str = SENT
    offset: int = 0

    @classmethod
    def of(cls, cursor: str | None, kinds: Sequence[str]) -> Place:
        """The place of a cursor; the beginning where kinds are collected that were not when it
        was made. Raises BadAnswer where it is none of ours."""
        if cursor is None:
            return cls(list(kinds))
        try:
            place = cls(**json.loads(cursor))
        except (ValueError, TypeError) as error:
            raise BadAnswer("the stored cursor is not one of this connector's") from error
        if not set(kinds) <= set(place.kinds):
            return cls(list(kinds))
        place.kinds = list(kinds)
        return place

    def cursor(self) -> str:
        """As text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    def enter(self, campaign: str) -> None:
        """Go to a campaign, unless the place is in it already."""
        if campaign != self.campaign:
            self.campaign, self.part, self.offset = campaign, PARTS[0], 0

    def next_part(self) -> None:
        """Go behind the part."""
        self.part, self.offset = PARTS[PARTS.index(self.part) + 1], 0

    def ended(self, campaigns: Sequence[Campaign]) -> Place:
        """The place after a whole pass: its beginning, for what came later may have been missed."""
        assert self.began is not None
        young = utc(self.began) - GROWS
        kept = {one.id for one in campaigns if one.at >= young}
        sent = {key: count for key, count in self.sent.items() if key in kept}
        return Place(self.kinds, self.began, sent)


def activity(
    scope: str, contact: str, campaign: str, action: Mapping[str, Any], told: Campaign | None = None
) -> Activity | None:
    """An entry of a report or of a member's feed. None for one of another kind.

    Raises Malformed, KeyError, TypeError, AttributeError. Where reports are read `told` is the
    campaign; a feed's entry tells of it itself.
    """
    what = action["action"]
    if what == "sent":
        at = told.at if told else utc(action["timestamp"])
        detail = {"bounce": action["status"]} if action.get("status") in ("hard", "soft") else {}
        kind, key = ActivityKind.MAIL_SENT, f"{campaign}:{contact}:sent"
    elif what in BY_ACTION:
        at = utc(action["timestamp"])
        link = bare_link(action.get("url") or "") if what == "click" else ""
        detail = {"link": link} if link else {}
        digest = blake2b(f"{stamp(at)} {link}".encode(), digest_size=8).hexdigest()
        kind, key = BY_ACTION[what], f"{campaign}:{contact}:{what}:{digest}"
    elif isinstance(what, str):
        return None
    else:
        raise Malformed("an action must be text")
    about = told.about if told else str(action.get("campaign_title") or "")
    if told and told.subject and told.subject != about:
        detail = {**detail, "subject": told.subject}
    return Activity(Ref(STREAM, scope, contact), key, kind, at, about, detail)


def bare_link(url: str) -> str:
    """A link without what may tell who clicked it: user, query and fragment. Empty for what is
    no web page, such as a mail address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
