"""Updating members: a PATCH each, side by side, and never a status in it.

`/batches` is not used: it answers after minutes, its "finished" is not "succeeded", and ten
connections side by side are as fast. Nor is the call for 500 at a time: it exists to set statuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import EXISTS, THROTTLED, Outcome, Verdict, Write
from plugins.mailer.mailchimp_client import GONE, MEMBER_TAGS, member_call, outcome
from plugins.mailer.mailchimp_mapping import member_body
from plugins.mailer.mailchimp_members import Batch, Members
from plugins.mailer.mailchimp_reading import PAGE
from plugins.mailer.mailchimp_tags import tag_changes
from plugins.mailer.mailchimp_values import Malformed, address_hash

NOT_HELD = "not-held"
"""The audience has no such field, so it holds no value of it."""


class Updater:
    """Carries out updates. `correcting` is for audiences that the mapping was not made for: what
    they require besides is not asked for, and fields that they lack are no error."""

    def __init__(self, members: Members, *, correcting: bool = False) -> None:
        self._members = members
        self._correcting = correcting
        self._query = {"skip_merge_validation": "true"} if correcting else None

    def update(self, batch: Batch, writes: Sequence[Write]) -> None:
        """Settle each of the writes, which all have a ref."""
        going: list[Write] = []
        calls: list[dict[str, Any]] = []
        for write in writes:
            assert write.ref is not None
            member = write.ref.id or (address_hash(write.ref.email) if write.ref.email else "")
            try:
                body = member_body(write.fields)
                self._members.tags.wanted(write.fields)
            except Malformed:
                batch.settle(write, Outcome(Verdict.PERMANENT, "field-shape"))
                continue
            if not member:
                batch.settle(write, Outcome(Verdict.PERMANENT, "no-id"))
                continue
            going.append(write)
            # the same values again do no harm, so an unanswered PATCH may be repeated
            calls.append(
                member_call(
                    "PATCH", write.ref.scope, member, json=body, query=self._query, idempotent=True
                )
                if body
                else member_call("GET", write.ref.scope, member)
            )
        tagging: list[tuple[Write, dict[str, Any], dict[str, Any]]] = []
        answers = self._members.client.http.many(calls) if calls else ()
        for write, call, answer in zip(going, calls, answers, strict=True):
            assert write.ref is not None
            ended = outcome(answer)
            if ended.verdict is not Verdict.OK:
                if ended.reason == EXISTS:
                    ended = Outcome(Verdict.PERMANENT, "address-taken")
                elif ended.verdict is Verdict.UNKNOWN and call["method"] == "GET":
                    ended = Outcome(Verdict.RETRYABLE, ended.reason, error=ended.error)
                batch.settle(write, ended)
            elif self._members.tags.wanted(write.fields) is None:
                nothing = self._correcting and _drops_all(call.get("json") or {}, ended.body)
                done = Outcome(Verdict.OK, NOT_HELD if nothing else "")
                self._members.settle(batch, write.ref.scope, write, ended.body, done)
            else:
                tagging.append((write, call, ended.body))
        self._tag(batch, tagging)

    def _tag(
        self, batch: Batch, members: Sequence[tuple[Write, dict[str, Any], dict[str, Any]]]
    ) -> None:
        """Bring each member's tags to the full list that its write comes to.

        The tags' endpoint is documented for the address's hash alone: the one that the vendor
        just answered is used.
        """
        going: list[tuple[Write, dict[str, Any]]] = []
        calls: list[dict[str, Any]] = []
        for write, call, member in members:
            scope = call["path"]["list"]
            present = self._present_tags(scope, member)
            if present is None:
                batch.settle(write, _half_done(call, Outcome(Verdict.RETRYABLE, "tags-unread")))
                continue
            wanted = self._members.tags.wanted(write.fields, present) or ()
            changes = tag_changes(present, wanted)
            if not changes:
                self._members.settle(batch, scope, write, member)
                continue
            going.append((write, call))
            calls.append(
                {
                    "method": "POST",
                    "route": MEMBER_TAGS,
                    "path": {"list": scope, "member": str(member.get("id"))},
                    "json": {"tags": changes, "is_syncing": True},
                    "idempotent": True,
                }
            )
        if not calls:
            return
        done: list[tuple[Write, dict[str, Any]]] = []
        for (write, call), answer in zip(going, self._members.client.http.many(calls), strict=True):
            ended = outcome(answer, empty_ok=True)
            if ended.verdict is Verdict.OK:
                done.append((write, call))
            else:
                batch.settle(write, _half_done(call, ended))
        again = [
            member_call("GET", call["path"]["list"], call["path"]["member"]) for _, call in done
        ]
        for (write, call), found in zip(done, self._members.client.get_many(again), strict=True):
            self._members.settle(batch, call["path"]["list"], write, found)

    def _present_tags(self, scope: str, member: Mapping[str, Any]) -> Sequence[str] | None:
        rows = member.get("tags")
        if not isinstance(rows, list) or int(member.get("tags_count") or 0) > len(rows):
            path = {"list": scope, "member": str(member.get("contact_id"))}
            query = {"count": PAGE, "fields": "tags.name"}
            call = {"method": "GET", "route": MEMBER_TAGS, "path": path, "query": query}
            (found,) = self._members.client.get_many([call])
            rows = found.get("tags") if isinstance(found, dict) else None
        return [str(row.get("name")) for row in rows] if isinstance(rows, list) else None


def _drops_all(sent: Mapping[str, Any], member: Mapping[str, Any]) -> bool:
    """Whether the audience has none of the fields that were sent: Mailchimp drops those."""
    merge = sent.get("merge_fields") or {}
    return set(sent) == {"merge_fields"} and not merge.keys() & (member.get("merge_fields") or {})


def _half_done(call: Mapping[str, Any], ended: Outcome) -> Outcome:
    """How a write ended whose tags could not be changed.

    Its fields may be written already, and a call that changes tags may have been carried out
    whatever came back, so it must be read before anything is repeated.
    """
    if call["method"] == "GET" and ended.reason in (THROTTLED, GONE, "tags-unread"):
        return ended
    return Outcome(Verdict.UNKNOWN, f"tags:{ended.reason}", retry_after=ended.retry_after)
