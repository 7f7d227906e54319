"""Between HubSpot's rows and the hub's values, both ways.

Everything is text at HubSpot; an empty property is None. A list is text too: the options of a
checkbox property are joined by ";", and in any other property a list is framed by ";" on both
sides (";a;b;", with "\\" before a ";" or "\\" that is meant), which tells it from plain text that
holds a semicolon. A value written so is read back equal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.api import (
    WHOLE_SCOPE,
    Consent,
    FieldValue,
    Record,
    RecordState,
    Ref,
    Rejected,
    Stance,
)

STREAM = "contacts"
EMAIL = "email"
MODIFIED = "lastmodifieddate"
MERGED = "hs_merged_object_ids"
FURTHER_EMAILS = "hs_additional_emails"

BOUNCED = "hard-bounce"
"""The topic of an address that bounces: one of its own, for a record speaks once of each topic, and
the opt-out of all e-mail, which may come later, must not be hidden by it."""

STANCES: Mapping[str, Stance] = {
    "SUBSCRIBED": Stance.YES,
    "UNSUBSCRIBED": Stance.NO,
    "NOT_SPECIFIED": Stance.UNSTATED,
}
STATES: Mapping[Stance, str] = {Stance.YES: "SUBSCRIBED", Stance.NO: "UNSUBSCRIBED"}
LEGAL_BASES = frozenset(
    {
        "CONSENT_WITH_NOTICE",
        "LEGITIMATE_INTEREST_CLIENT",
        "LEGITIMATE_INTEREST_OTHER",
        "LEGITIMATE_INTEREST_PQL",
        "NON_GDPR",
        "PERFORMANCE_OF_CONTRACT",
        "PROCESS_AND_STORE",
    }
)

_ITEM = re.compile(r"((?:[^;\\]|\\.)*);", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_WHOLE_TIME = 24  # len("2026-11-02T10:15:00.123Z")


class BadRowError(Exception):
    """A row outside HubSpot's contract; the text is a code without personal data."""


def fold(email: str) -> str:
    """The form in which HubSpot stores and compares an address."""
    return email.strip().lower()


def version_of(time: Any) -> str:
    """A time of HubSpot's as ISO 8601 in UTC with milliseconds, which sorts as text.

    Raises BadRowError where it is none.
    """
    if type(time) is str:
        if len(time) == _WHOLE_TIME and time[-1] == "Z":
            return time
        try:
            at = datetime.fromisoformat(time)
        except ValueError:
            pass
        else:
            if at.tzinfo is not None:
                text = at.astimezone(UTC).isoformat(timespec="milliseconds")
                return text.replace("+00:00", "Z")
    raise BadRowError("time: an ISO date-time with a zone is expected")


def millis(version: str) -> int:
    """A version as milliseconds since 1970, as search filters want it."""
    return round(datetime.fromisoformat(version).timestamp() * 1000)


def encoded(value: FieldValue, *, options: bool) -> str:
    """A value as HubSpot's text; `options` for a checkbox property. An empty text clears.

    Raises ValueError for a list item that a checkbox property cannot hold.
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    if options:
        if any(";" in item for item in value):
            raise ValueError("an option holds a semicolon")
        return ";".join(value)
    if not value:
        return ""
    items = (item.replace("\\", "\\\\").replace(";", "\\;") for item in value)
    return f";{';'.join(items)};"


def decoded(text: str, *, options: bool) -> FieldValue:
    """The reverse of `encoded`, of a text that is not empty."""
    if options:
        return tuple(item for item in text.split(";") if item)
    if text[0] != ";" or len(text) < 2:
        return text
    items, at = [], 1
    while at < len(text):
        match = _ITEM.match(text, at)
        if match is None:
            return text  # it only began like a list
        items.append(_ESCAPED.sub(r"\1", match[1]) if "\\" in match[1] else match[1])
        at = match.end()
    return tuple(items)


class Mapper:
    """Rows to records, for one set of fields. Made once, used for every row."""

    def __init__(
        self, fields: Sequence[str], checkboxes: Collection[str], *, bounce: str | None
    ) -> None:
        self._fields = [(name, name in checkboxes) for name in dict.fromkeys(fields)]
        self._bounce = bounce
        extra = [EMAIL, MODIFIED, MERGED, FURTHER_EMAILS, *([bounce] if bounce else ())]
        self.names: Sequence[str] = tuple(dict.fromkeys([*fields, *extra]))
        """The properties to ask for."""

    def record(self, row: Any, consents: Iterable[Consent] = ()) -> Record:
        """A row as a record. Raises BadRowError."""
        try:
            id_, properties = row["id"], row["properties"]
            email, archived = properties.get(EMAIL), row.get("archived", False)
            version = version_of(properties.get(MODIFIED) or row.get("updatedAt"))
        except (KeyError, TypeError, AttributeError):
            raise BadRowError("shape: an object with id and properties is expected") from None
        if type(id_) is not str or not id_.isdigit():
            raise BadRowError("id: digits are expected")
        if email is not None and type(email) is not str:
            raise BadRowError("email: text is expected")
        fields: dict[str, FieldValue] = {}
        for name, options in self._fields:
            if name in properties:
                value = properties[name]
                if not value:
                    fields[name] = None
                elif type(value) is not str:
                    raise BadRowError("property: text is expected")
                elif options or value[0] == ";":
                    fields[name] = decoded(value, options=options)
                else:
                    fields[name] = value
        said = tuple(consents)
        if self._bounce and (bounced := properties.get(self._bounce)):
            evidence = {"reason": str(bounced)}
            said += (Consent(BOUNCED, Stance.UNDELIVERABLE, evidence=evidence),)
        merged = properties.get(MERGED)
        aliases: tuple[Ref, ...] = ()
        if merged:
            aliases = tuple(
                Ref(STREAM, "", one) for one in str(merged).split(";") if one and one != id_
            )
        state = RecordState.LIVE
        if archived:
            state = RecordState.ARCHIVED
            if row.get("archivedAt"):
                version = max(version, version_of(row["archivedAt"]))
        return Record(Ref(STREAM, "", id_, email or None), version, fields, state, said, aliases)

    @staticmethod
    def addresses(row: Any) -> list[str]:
        """The addresses that a row answers to, folded: its own, and those from merges."""
        properties = row.get("properties") or {}
        further = properties.get(FURTHER_EMAILS) or ""
        found = [properties.get(EMAIL), *str(further).split(";")]
        return [fold(one) for one in found if isinstance(one, str) and one]

    @staticmethod
    def ids(row: Any) -> list[str]:
        """The ids that a row answers to: its own, and those merged into it."""
        properties = row.get("properties") or {}
        return [str(row.get("id")), *str(properties.get(MERGED) or "").split(";")]


def rejected(row: Any, error: BadRowError, raw: str) -> Rejected:
    """A row for quarantine."""
    id_ = row.get("id") if isinstance(row, Mapping) else None
    return Rejected(str(id_) if id_ is not None else "", str(error), raw)


class ConsentMapper:
    """What HubSpot says of a person's wishes, for the topics that the configuration maps."""

    def __init__(self, topics: Iterable[str], acts: Mapping[str, str]) -> None:
        self._topics = frozenset(topics)
        self._acts = {source.upper(): act for source, act in acts.items()}

    def status(self, status: Any) -> Consent | None:
        """One status of one subscription type; None where it is not ours or not understood."""
        if not isinstance(status, Mapping):
            return None
        topic = str(status.get("subscriptionId"))
        stance = STANCES.get(str(status.get("status")))
        if topic not in self._topics or stance is None:
            return None
        if stance is Stance.UNSTATED:
            return Consent(topic, stance)
        source = str(status.get("source") or "")
        evidence = {"source": source} if source else {}
        if basis := status.get("legalBasis"):
            evidence["legal_basis"] = str(basis)
        if explanation := status.get("legalBasisExplanation"):
            evidence["explanation"] = str(explanation)
        return Consent(
            topic, stance, _time(status.get("timestamp")), self._acts.get(source.upper()), evidence
        )

    def opt_out(self, wide: Any) -> Consent | None:
        """An opt-out of everything, of the account or of the business unit; None where none."""
        if not isinstance(wide, Mapping) or wide.get("status") != "UNSUBSCRIBED":
            return None
        evidence = {"kind": str(wide.get("wideStatusType") or "PORTAL_WIDE")}
        return Consent(WHOLE_SCOPE, Stance.NO, _time(wide.get("timestamp")), evidence=evidence)

    def by_email(self, answers: Iterable[Any]) -> dict[str, list[Consent]]:
        """The bodies that `Api.status_calls` answer: folded address -> what is said of it."""
        found: dict[str, list[Consent]] = {}
        for answer in answers:
            for one in answer.get("results") or () if isinstance(answer, Mapping) else ():
                if not isinstance(one, Mapping):
                    continue
                said = found.setdefault(fold(str(one.get("subscriberIdString"))), [])
                for status in one.get("statuses") or ():
                    if consent := self.status(status):
                        said.append(consent)
                # the account's and the unit's opt-out are one refusal for us: the first is enough
                for wide in one.get("wideStatuses") or ():
                    if (consent := self.opt_out(wide)) and WHOLE_SCOPE not in {
                        known.topic for known in said
                    }:
                        said.append(consent)
        return found


def _time(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
