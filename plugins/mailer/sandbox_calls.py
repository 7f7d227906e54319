"""What the Mailchimp sandbox's calls do to members, and the shapes of their answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from plugins.mailer.sandbox_audience import (
    CALLER_IP,
    ON_CREATE,
    Audience,
    Member,
    Refused,
    invalid,
    iso,
)

MOST_COUNT = 1000

_PARTS = ("ip_signup", "timestamp_signup", "ip_opt", "timestamp_opt", "language", "email_type")


def add_by_api(
    audience: Audience,
    body: Mapping[str, Any],
    archived: Member | None,
    now: str,
    *,
    validate: bool,
) -> Member:
    """A member added by API; an archived one comes back. Raises Refused, and then nothing is
    changed."""
    email, status = body.get("email_address"), body.get("status")
    audience.check_address(email)
    audience.remember(email)
    if status not in ON_CREATE:
        raise invalid("status", "Data did not match any of the schemas described in anyOf.")
    trial = replace(archived) if archived else Member("", 0, email, "")
    trial.ticked = set(trial.ticked)
    audience.set_merge_fields(trial, body.get("merge_fields") or {}, validate=validate)
    audience.set_permissions(trial, body.get("marketing_permissions") or ())
    audience.set_status(trial, status, now)
    member = archived or audience.add(email, status, now)
    member.status, member.merge_fields, member.ticked = status, trial.merge_fields, trial.ticked
    if status == "subscribed":
        member.timestamp_opt, member.ip_opt = now, CALLER_IP
    elif status == "pending":
        member.timestamp_signup, member.ip_signup = now, CALLER_IP
    _set_parts(member, body)
    audience.touch(member, now)
    return member


def change_by_api(
    audience: Audience,
    member: Member,
    body: Mapping[str, Any],
    statuses: Iterable[str],
    now: str,
    *,
    validate: bool,
) -> None:
    """Change what is given. Raises Refused, and then nothing is changed."""
    status, email = body.get("status"), body.get("email_address")
    if status is not None and status not in statuses:
        raise invalid("status", "Data did not match any of the schemas described in anyOf.")
    if email is not None:
        audience.check_address(email)
    before = replace(member, ticked=set(member.ticked))
    try:
        if "merge_fields" in body:
            audience.set_merge_fields(member, body["merge_fields"], validate=validate)
        audience.set_permissions(member, body.get("marketing_permissions") or ())
        if status is not None:
            audience.set_status(member, status, now)
        if email is not None:
            audience.move(member, email)
    except Refused:
        for one in fields(member):
            setattr(member, one.name, getattr(before, one.name))
        raise
    _set_parts(member, body)
    audience.touch(member, now)


def _set_parts(member: Member, body: Mapping[str, Any]) -> None:
    for part in _PARTS:
        if body.get(part) is not None:
            value = body[part]
            setattr(member, part, iso(value) if part.startswith("timestamp") else value)
    if "vip" in body:
        member.vip = bool(body["vip"])


def batch_row(shown: dict[str, Any]) -> dict[str, Any]:
    """The batch's answer has neither contact id nor permissions, by the contract."""
    for absent in ("contact_id", "marketing_permissions", "source", "full_name", "web_id"):
        del shown[absent]
    return shown


def batch_error(email: Any, refused: Refused) -> dict[str, str]:
    """An entry of a batch's `errors`."""
    first = refused.errors[0] if refused.errors else {}
    exists = refused.title == "Member Exists"
    return {
        "email_address": str(email or ""),
        "error": refused.detail,
        "error_code": "ERROR_CONTACT_EXISTS" if exists else "ERROR_GENERIC",
        "field": first.get("field", ""),
        "field_message": first.get("message", ""),
    }


def sliced(query: Mapping[str, str], rows: list[Any]) -> list[Any]:
    """The page that `count` and `offset` ask for. Raises Refused."""
    try:
        count, offset = int(query.get("count", 10)), int(query.get("offset", 0))
    except ValueError as error:
        raise invalid("count", "Schema describes integer, string found instead") from error
    if not 0 <= count <= MOST_COUNT or offset < 0:
        raise invalid("count", f"At most {MOST_COUNT}.")
    return rows[offset : offset + count]


def _tree(paths: Iterable[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in paths:
        at = tree
        for part in path.strip().split("."):
            at = at.setdefault(part, {})
    return tree


def _kept(value: Any, tree: Mapping[str, Any]) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_kept(one, tree) for one in value]
    if isinstance(value, dict):
        return {name: _kept(value[name], below) for name, below in tree.items() if name in value}
    return value


def _without(value: Any, tree: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_without(one, tree) for one in value]
    if isinstance(value, dict):
        return {
            name: _without(one, tree[name]) if name in tree else one
            for name, one in value.items()
            if name not in tree or tree[name]
        }
    return value


def pruned(queries: Mapping[str, list[str]], body: dict[str, Any]) -> dict[str, Any]:
    """A partial response, if one is asked for: dotted paths, repeated or with commas."""
    for name, prune in (("fields", _kept), ("exclude_fields", _without)):
        paths = ",".join(queries.get(name, ())).split(",")
        if paths != [""]:
            body = prune(body, _tree(paths))
    return body
