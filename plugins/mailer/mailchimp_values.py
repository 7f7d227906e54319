"""Times and addresses as Mailchimp writes them, and what is raised where it does not."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any


class Malformed(ValueError):
    """A member outside Mailchimp's contract. The message holds no personal data."""


def address_hash(email: str) -> str:
    """The vendor's id of an address: MD5 of it in lower case. Changes with the address, and is
    the same in every audience: only for looking up where the contact id is not known."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def utc(text: Any) -> datetime:
    """A vendor's time as aware UTC. Raises Malformed."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise Malformed("a time is not in ISO 8601") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """A time as Mailchimp's filters take it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
