"""Mailchimp's members as the hub's records, and the hub's writes as Mailchimp's members.

What a status says of a person's wish (topic `*`):

    subscribed     YES, with an act only where the person's own act shows (`_subscribed`)
    unsubscribed   NO without a time: Mailchimp gives none. `last_changed` moves with every other
                   edit and would make an old refusal look newer than a consent given since, and
                   each re-read a new event. The hub counts it from when it was first seen.
    pending        PENDING
    cleaned        UNDELIVERABLE: a bounce, no wish
    transactional  UNSTATED
    archived       UNSTATED, and the record is ARCHIVED: put aside, neither withdrawn nor deleted

A marketing permission (topic: its id) is YES when ticked and UNSTATED when not: a box that was
never ticked is no refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from hub.api import WHOLE_SCOPE, Consent, FieldValue, Record, RecordState, Ref, Stance
from plugins.mailer.mailchimp_tags import TagFields, is_tags
from plugins.mailer.mailchimp_values import Malformed, utc

STREAM = "members"
EMAIL = "email_address"
LANGUAGE = "language"
MERGE_TAG = re.compile(r"[A-Z][A-Z0-9_]{0,9}")
"""Merge tags are ten characters at most, in capitals."""

_NEEDED = (
    "id",
    "contact_id",
    "email_address",
    "status",
    "last_changed",
    "source",
    "unsubscribe_reason",
    "ip_signup",
    "timestamp_signup",
    "ip_opt",
    "timestamp_opt",
    "marketing_permissions",
)

_FORMS = (
    "hosted signup form",
    "signup form",
    "embed form",
    "embedded form",
    "popup form",
    "pop-up form",
    "subscriber pop-up",
    "landing page",
    "mailchimp landing page",
    "tablet form",
    "website form",
)
"""`source` of a member who came by one of Mailchimp's own forms. Names of other tools (a plugin
called Somethingform) are not among them: what those send is written by the API."""

CONFIRMED_WITHIN = timedelta(hours=72)
"""A confirmation that shows follows the sign-up. `timestamp_opt` much later than the sign-up is
what a resubscription by API or by staff leaves behind, and that is no act of the person."""

AS_THE_FORM_LEFT_IT = timedelta(seconds=5)
"""A ticked permission is shown to be the person's answer only while the member is unchanged since
the form; a tick made later by staff or by API carries no mark."""


def iso_version(changed: Any) -> str:
    """`last_changed` as a version that sorts as text. Raises Malformed."""
    if isinstance(changed, str) and len(changed) == 25 and changed.endswith("+00:00"):
        return changed[:19] + "Z"
    return utc(changed).strftime("%Y-%m-%dT%H:%M:%SZ")


def member_fields(fields: Sequence[str], prefix: str = "") -> str:
    """The `fields` parameter that asks for what the mapping uses and nothing else."""
    wanted = list(_NEEDED)
    for field in fields:
        if is_tags(field):
            wanted += ["tags", "tags_count"]
        elif field == LANGUAGE:
            wanted.append(LANGUAGE)
        elif field != EMAIL:
            wanted.append(f"merge_fields.{field}")
    return ",".join(prefix + name for name in dict.fromkeys(wanted))


@lru_cache(maxsize=256)
def _plain(topic: str, stance: Stance, source: str = "") -> Consent:
    """Consents without a time are few and the same for many members."""
    return Consent(topic, stance, evidence={"source": source} if source else {})


def _unsubscribed(source: str, reason: str) -> Consent:
    if not reason:
        return _plain(WHOLE_SCOPE, Stance.NO, source)
    # the reason may be the person's own words, so it is not kept beyond the record
    return Consent(WHOLE_SCOPE, Stance.NO, evidence={"source": source, "reason": reason})


def is_form(source: str) -> bool:
    """Whether a member with that source came by a form of Mailchimp's own."""
    return source.casefold() in _FORMS


class MemberMapper:
    """Makes records of members, with the fields that the mapping uses."""

    def __init__(self, fields: Sequence[str], double_opt_in: Sequence[str]) -> None:
        self._merge_tags = tuple(f for f in fields if f not in (EMAIL, LANGUAGE) and not is_tags(f))
        self._tags = TagFields(fields)
        self._language = LANGUAGE in fields
        self._double_opt_in = frozenset(double_opt_in)

    def record(self, scope: str, member: Any) -> Record:
        """The record of a member as the API gives it. Raises Malformed."""
        try:
            return self._record(scope, member)
        except KeyError as error:
            raise Malformed(f"a member must have {error.args[0]!s:.30}") from error
        except (TypeError, AttributeError) as error:
            raise Malformed("a member has another shape than its contract") from error

    def _record(self, scope: str, member: Any) -> Record:
        contact, email = member["contact_id"], member[EMAIL]
        status, changed = member["status"], member["last_changed"]
        if not isinstance(contact, str) or not contact:
            raise Malformed("contact_id must be text")
        if not isinstance(email, str):
            raise Malformed("email_address must be text")
        fields: dict[str, FieldValue] = {EMAIL: email or None}
        if self._merge_tags:
            self._merge_fields(member, fields)
        if self._language and LANGUAGE in member:
            fields[LANGUAGE] = member[LANGUAGE] or None
        fields |= self._tags.read(member)
        return Record(
            ref=Ref(STREAM, scope, contact, email or None),
            version=iso_version(changed),
            fields=fields,
            state=RecordState.ARCHIVED if status == "archived" else RecordState.LIVE,
            consents=self._consents(scope, status, member, changed),
        )

    def _merge_fields(self, member: Mapping[str, Any], fields: dict[str, FieldValue]) -> None:
        values = member.get("merge_fields") or {}
        if not isinstance(values, dict):
            raise Malformed("merge_fields must be an object")
        for tag in self._merge_tags:
            if tag in values:
                value = values[tag]
                if isinstance(value, str | int | float | None):
                    fields[tag] = None if value == "" else value
                else:
                    raise Malformed(f"merge field {tag} must be a plain value")

    def _consents(
        self, scope: str, status: Any, member: Mapping[str, Any], changed: str
    ) -> Sequence[Consent]:
        source = member.get("source") or ""
        act_at: datetime | None = None
        match status:
            case "subscribed":
                whole = self._subscribed(scope, source, member)
                act_at = whole.at if whole.act else None
            case "unsubscribed":
                whole = _unsubscribed(source, member.get("unsubscribe_reason") or "")
            case "pending":
                signup = member.get("timestamp_signup")
                at = utc(signup) if signup else None
                whole = Consent(WHOLE_SCOPE, Stance.PENDING, at, evidence={"source": source})
            case "cleaned":
                whole = _plain(WHOLE_SCOPE, Stance.UNDELIVERABLE, source)
            case "transactional" | "archived":
                whole = _plain(WHOLE_SCOPE, Stance.UNSTATED)
            case _:
                raise Malformed("status must be one of Mailchimp's six")
        permissions = member.get("marketing_permissions")
        if not permissions:
            return (whole,)
        consents = [whole]
        answered = act_at is not None and utc(changed) - act_at <= AS_THE_FORM_LEFT_IT
        for permission in permissions:
            topic = permission["marketing_permission_id"]
            if not permission["enabled"]:
                consents.append(_plain(topic, Stance.UNSTATED))
                continue
            evidence = {"source": source, "wording": permission.get("text") or ""}
            if answered:
                consents.append(Consent(topic, Stance.YES, act_at, whole.act, evidence))
            else:
                consents.append(Consent(topic, Stance.YES, evidence=evidence))
        return tuple(consents)

    def _subscribed(self, scope: str, source: str, member: Mapping[str, Any]) -> Consent:
        """A subscription, and the person's act where it shows.

        Mailchimp sets `timestamp_opt` and `ip_opt` also when a tool or a member of staff
        subscribes someone, so alone they show nothing. A form of Mailchimp's own with the time
        it was sent is an act; so is the confirmation that follows it in an audience that asks
        for one. What came by API, import or staff shows none, whatever its times say.
        """
        signup, opt = member.get("timestamp_signup"), member.get("timestamp_opt")
        ip_signup, ip_opt = member.get("ip_signup"), member.get("ip_opt")
        evidence = {"source": source}
        if ip_signup:
            evidence["ip_signup"] = ip_signup
        if ip_opt:
            evidence["ip_opt"] = ip_opt
        opted = utc(opt) if opt else None
        if not is_form(source):
            return Consent(WHOLE_SCOPE, Stance.YES, opted, evidence=evidence)
        signed = utc(signup) if signup else None
        confirms = scope in self._double_opt_in and ip_opt and opted is not None
        if confirms and (signed is None or _follows(signed, opted)):
            return Consent(WHOLE_SCOPE, Stance.YES, opted, "double-opt-in", evidence)
        if signed is not None:
            return Consent(WHOLE_SCOPE, Stance.YES, signed, "form", evidence)
        return Consent(WHOLE_SCOPE, Stance.YES, opted, evidence=evidence)


def _follows(signed: datetime, opted: datetime | None) -> bool:
    return opted is not None and timedelta(0) < opted - signed <= CONFIRMED_WITHIN


def member_body(fields: Mapping[str, FieldValue]) -> dict[str, Any]:
    """The member that a write's fields make, without status and tags. Raises Malformed."""
    body: dict[str, Any] = {}
    merge: dict[str, Any] = {}
    for name, value in fields.items():
        if is_tags(name):
            continue
        if isinstance(value, Sequence) and not isinstance(value, str):
            raise Malformed(f"{name} takes one value")
        if name == EMAIL:
            if not value:
                raise Malformed("email_address cannot be emptied")
            body[EMAIL] = value
        elif name == LANGUAGE:
            body[LANGUAGE] = value or ""
        else:
            merge[name] = "" if value is None else value
    if merge:
        body["merge_fields"] = merge
    return body
