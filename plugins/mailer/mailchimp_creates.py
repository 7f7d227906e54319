"""Creating members.

Plain ones go 500 at a time with `update_existing` off, so that nothing that is already there is
touched; those who bring tags or permissions one at a time, because the 500 do not take them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from hub.api import EXISTS, WHOLE_SCOPE, ConnectorError, Consent, Outcome, Stance, Verdict, Write
from plugins.mailer.mailchimp_client import GONE, LIST, MEMBERS, outcome, refused_by_words, unread
from plugins.mailer.mailchimp_mapping import EMAIL, member_body, member_fields
from plugins.mailer.mailchimp_members import Batch, Members
from plugins.mailer.mailchimp_reading import PAGE
from plugins.mailer.mailchimp_values import Malformed, address_hash, stamp, utc

BESIDE = 50
"""Changes that may have happened beside a batch of creates while it was read back."""

MOST_CREATES = 500
"""The most members that one call may bring."""


def first_status(scope: str, consents: Iterable[Consent], double_opt_in: frozenset[str]) -> str:
    """The status of a new member.

    Without a YES it is `transactional`: known to the tool, and sent no campaign. The hub does not
    usually create such a person; if it does, this is the status that promises nothing.
    """
    for consent in consents:
        if consent.topic == WHOLE_SCOPE:
            match consent.stance:
                case Stance.YES:
                    return "pending" if scope in double_opt_in else "subscribed"
                case Stance.PENDING:
                    return "pending"
                case Stance.NO:
                    return "unsubscribed"
    return "transactional"


class Creator:
    """Carries out creates."""

    def __init__(self, members: Members, double_opt_in: frozenset[str]) -> None:
        self._members = members
        self._double_opt_in = double_opt_in

    def create(self, batch: Batch, scope: str, writes: Sequence[Write]) -> None:
        """Settle each of the writes, which are all of one audience and have no ref."""
        firsts: dict[str, Write] = {}
        bodies: dict[str, dict[str, Any]] = {}
        again: list[tuple[str, Write]] = []
        for write in writes:
            try:
                body = self._new_member(scope, write)
            except Malformed:
                batch.settle(write, Outcome(Verdict.PERMANENT, "field-shape"))
                continue
            hashed = address_hash(body[EMAIL])
            if hashed in firsts:
                again.append((hashed, write))
            else:
                firsts[hashed], bodies[hashed] = write, body
        try:
            archived = self._archived(scope, list(firsts))
        except ConnectorError as error:
            for write in (*firsts.values(), *(write for _, write in again)):
                batch.settle(write, unread(error))
            return
        self._exists(batch, scope, {hashed: firsts.pop(hashed) for hashed in archived})
        plain: dict[str, Write] = {}
        single: dict[str, Write] = {}
        for hashed, write in firsts.items():
            rich = {"tags", "marketing_permissions"} & bodies[hashed].keys()
            (single if rich else plain)[hashed] = write
        hashes = list(plain)
        for start in range(0, len(hashes), MOST_CREATES):
            some = hashes[start : start + MOST_CREATES]
            self._create_together(batch, scope, {h: plain[h] for h in some}, bodies)
        self._create_singly(batch, scope, single, bodies)
        # what came twice is there by now, unless the first of the two failed
        self._exists(batch, scope, dict(again))
        for _, write in again:
            if not batch.ended(write):
                batch.settle(write, Outcome(Verdict.RETRYABLE, "same-address-in-batch"))

    def _new_member(self, scope: str, write: Write) -> dict[str, Any]:
        body = member_body(write.fields)
        if EMAIL not in body:
            raise Malformed("a new member needs an address")
        body["status"] = first_status(scope, write.consents, self._double_opt_in)
        tags = self._members.tags.wanted(write.fields)
        if tags:
            body["tags"] = list(dict.fromkeys(tags))
        ticked = [
            {"marketing_permission_id": consent.topic, "enabled": True}
            for consent in write.consents
            if consent.topic != WHOLE_SCOPE and consent.stance is Stance.YES
        ]
        if ticked:
            body["marketing_permissions"] = ticked
        return body

    def _archived(self, scope: str, hashes: Sequence[str]) -> Sequence[str]:
        """Those of the addresses that the audience holds archived.

        Whether adding an archived address brings it back is not in the published contract, so it
        is not tried: someone put the record aside, and a create must not undo that.
        """
        query: dict[str, str | int] = {
            "status": "archived",
            "fields": "members.id,total_items",
            "count": PAGE,
        }
        found: set[str] = set()
        offset = total = 0
        while hashes and (offset == 0 or offset < total):
            path = {"list": scope}
            body = self._members.client.get(MEMBERS, path, {**query, "offset": offset}) or {}
            total = int(body.get("total_items") or 0)
            if total > PAGE * len(hashes):
                members = self._members.by_hash(scope, hashes)
                return [h for h in hashes if (members.get(h) or {}).get("status") == "archived"]
            found.update(str(row.get("id")) for row in body.get("members") or ())
            offset += PAGE
        return [one for one in hashes if one in found]

    def _create_together(
        self,
        batch: Batch,
        scope: str,
        writes: Mapping[str, Write],
        bodies: Mapping[str, dict[str, Any]],
    ) -> None:
        """One call for members without tags and permissions, which it does not take."""
        if not writes:
            return
        (answer,) = self._members.client.http.many(
            [
                {
                    "method": "POST",
                    "route": LIST,
                    "path": {"list": scope},
                    "json": {
                        "members": [bodies[hashed] for hashed in writes],
                        "update_existing": False,
                    },
                }
            ]
        )
        ended = outcome(answer)
        if ended.verdict is Verdict.PERMANENT and ended.reason != GONE and len(writes) > 1:
            # one member that is against the schema spoils the call for all: find it
            hashes = list(writes)
            half = len(hashes) // 2
            for some in (hashes[:half], hashes[half:]):
                self._create_together(batch, scope, {h: writes[h] for h in some}, bodies)
            return
        if ended.verdict is not Verdict.OK:
            if ended.reason == GONE:
                ended = Outcome(Verdict.PERMANENT, "no-such-audience")
            for write in writes.values():
                batch.settle(write, ended)
            return
        self._name_created(batch, scope, writes, ended.body)
        existing: dict[str, Write] = {}
        for error in ended.body.get("errors") or ():
            hashed = address_hash(str(error.get(EMAIL) or ""))
            if hashed not in writes or batch.ended(writes[hashed]):
                continue
            said = refused_by_words(
                error.get("error"), error.get("field"), error.get("field_message")
            )
            if error.get("error_code") == "ERROR_CONTACT_EXISTS" or said.reason == EXISTS:
                existing[hashed] = writes[hashed]
            else:
                batch.settle(writes[hashed], said)
        self._exists(batch, scope, existing)

    def _name_created(
        self, batch: Batch, scope: str, writes: Mapping[str, Write], body: Mapping[str, Any]
    ) -> None:
        """Settle the created ones. The answer lacks their contact ids, by the contract: one
        listing of what changed last usually finds them all, the rest are asked for one by one."""
        created: list[str] = []
        times: list[str] = []
        for row in (*(body.get("new_members") or ()), *(body.get("updated_members") or ())):
            hashed = address_hash(str(row.get(EMAIL) or ""))
            if hashed in writes:
                created.append(hashed)
                times.append(str(row.get("last_changed")))
        members: dict[str, Any] = {}
        if created:
            members = self._latest(scope, times, len(created))
            missing = [hashed for hashed in created if hashed not in members]
            members |= self._members.by_hash(scope, missing)
        for hashed in created:
            record = self._members.record(scope, members.get(hashed))
            if record is None:
                batch.settle(writes[hashed], Outcome(Verdict.UNKNOWN, "not-read-back"))
            else:
                batch.settle(writes[hashed], Outcome(Verdict.OK), record)

    def _latest(self, scope: str, times: Sequence[str], made: int) -> dict[str, Any]:
        """Members changed since the first of those times, latest first, by hash: as many as were
        made, and some more for what changed beside them. Who is not there is asked for singly."""
        try:
            since = stamp(utc(min(times)) - timedelta(seconds=1))
        except Malformed:
            return {}
        query = {
            "fields": member_fields(self._members.fields, "members."),
            "count": min(made + BESIDE, PAGE),
            "sort_field": "last_changed",
            "sort_dir": "DESC",
            "since_last_changed": since,
        }
        call = {"method": "GET", "route": MEMBERS, "path": {"list": scope}, "query": query}
        (found,) = self._members.client.get_many([call])
        rows = found.get("members") if isinstance(found, dict) else None
        return {str(row.get("id")): row for row in rows or ()}

    def _create_singly(
        self,
        batch: Batch,
        scope: str,
        writes: Mapping[str, Write],
        bodies: Mapping[str, dict[str, Any]],
    ) -> None:
        """A call for each member with tags or permissions, so that they come all at once."""
        calls = [
            {"method": "POST", "route": MEMBERS, "path": {"list": scope}, "json": bodies[hashed]}
            for hashed in writes
        ]
        existing: dict[str, Write] = {}
        answers = self._members.client.http.many(calls) if calls else ()
        for (hashed, write), answer in zip(writes.items(), answers, strict=True):
            ended = outcome(answer)
            if ended.reason == EXISTS:
                existing[hashed] = write
            elif ended.verdict is Verdict.OK:
                self._members.settle(batch, scope, write, ended.body)
            else:
                batch.settle(write, ended)
        self._exists(batch, scope, existing)

    def _exists(self, batch: Batch, scope: str, writes: Mapping[str, Write]) -> None:
        """Settle creates that found someone: left alone, and answered with the record."""
        members = self._members.by_hash(scope, list(writes))
        for hashed, write in writes.items():
            record = self._members.record(scope, members.get(hashed))
            if record is not None:
                batch.settle(write, Outcome(Verdict.PERMANENT, EXISTS), record)
            else:
                batch.settle(write, Outcome(Verdict.RETRYABLE, "exists-unread"))
