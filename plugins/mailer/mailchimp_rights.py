"""Acts for the rights of data subjects: correcting, deleting for good, restricting.

All go by contact id, in any audience. Deleting for good and archiving are Mailchimp's own acts:

    erase      `delete-permanent`, which knows the hash of the present address alone: the contact id
               tells it. Afterwards the address cannot be added by API ("Forgotten Email Not
               Subscribed"), only by the person's own form.
    restrict   archives: nothing is sent any more, tags stay, and it reads neither as a deletion
               nor as a withdrawal (`RecordState.ARCHIVED`, stance UNSTATED). Mailchimp does not
               tell an archived member's former status, so it becomes the memo. It archives nobody
               whose address bounces or who has not confirmed yet: to those nothing is sent as
               they are, so they stay as they are.
    lift       brings that status back. Nobody is subscribed who was not, nobody over a refusal
               that came meanwhile; where Mailchimp refuses, it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.api import WHOLE_SCOPE, ConnectorError, Outcome, Reply, Result, Verdict, Write
from plugins.mailer.mailchimp_client import GONE, MEMBER, member_call, outcome, unread
from plugins.mailer.mailchimp_mapping import EMAIL, member_fields
from plugins.mailer.mailchimp_members import Batch, Members
from plugins.mailer.mailchimp_updates import Updater

DELETE_PERMANENT = MEMBER + "/actions/delete-permanent"

ABSENT = "absent"
ARCHIVED = "archived"

STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", ARCHIVED)
"""What a memo may say."""

NOT_ARCHIVED = ("cleaned", "pending")
"""Statuses that Mailchimp does not archive."""

REFUSALS = ("unsubscribed", "cleaned")

EVIDENCE = ("ip_signup", "timestamp_signup", "ip_opt", "timestamp_opt")
"""How someone subscribed. Mailchimp writes it anew with every subscription by API, as if they had
opted in again; sent along as it was, it stays."""

Present = tuple[Write, dict[str, Any]]
"""A write and its member as it is now."""


class RightsWriter:
    """Carries out acts for data subjects' rights."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._updater = Updater(members, correcting=True)

    def rectify(self, writes: Sequence[Write]) -> Sequence[Result]:
        """As `Rectifies.rectify`. A field that the audience does not have holds no wrong value:
        OK with reason "not-held"."""
        batch = Batch(writes)
        self._updater.update(batch, [write for write in writes if self._named(batch, write)])
        return batch.results()

    def erase(self, writes: Sequence[Write]) -> Sequence[Result]:
        """As `Erases.erase`."""
        batch = Batch(writes)
        going = self._present(batch, writes, Outcome(Verdict.OK, ABSENT))
        # not repeated by itself: who came back by their own form meanwhile has the same address
        answers = self._many(
            {
                "method": "POST",
                "route": DELETE_PERMANENT,
                "path": {"list": _scope(write), "member": str(member.get("id"))},
            }
            for write, member in going
        )
        again: list[Write] = []
        for (write, _), answer in zip(going, answers, strict=True):
            ended = outcome(answer, empty_ok=True)
            if ended.verdict is Verdict.OK:
                batch.settle(write, Outcome(Verdict.OK, "erased"))
            elif ended.reason == GONE:
                again.append(write)
            else:
                batch.settle(write, ended)
        # nobody has that address now: deleted by someone else, or moved to another one just now
        for write, _ in self._present(batch, again, Outcome(Verdict.OK, ABSENT)):
            batch.settle(write, Outcome(Verdict.RETRYABLE, "moved"))
        return batch.results()

    def restrict(self, writes: Sequence[Write]) -> Sequence[Result]:
        """As `Restricts.restrict`. `Write.memo` may be what an earlier try answered, or the code
        that `verify` gave before: an archived member no longer tells it. The memo comes also with
        an outcome that is not known."""
        batch = Batch(writes)
        going: list[Present] = []
        for write, member in self._present(batch, writes, Outcome(Verdict.OK, ABSENT)):
            status = str(member.get("status"))
            if status == ARCHIVED:
                ended = Outcome(Verdict.OK, "already-archived")
                self._settle(batch, write, member, ended, write.memo or ARCHIVED)
            elif status in NOT_ARCHIVED:
                self._settle(batch, write, member, Outcome(Verdict.OK, "nothing-sent"), status)
            else:
                going.append((write, member))
        answers = self._many(
            member_call("DELETE", _scope(write), str(member.get("contact_id")))
            for write, member in going
        )
        after = self._read([write for write, _ in going])
        for (write, member), answer, found in zip(going, answers, after, strict=True):
            memo = str(member.get("status"))
            if isinstance(found, dict) and found.get("status") == ARCHIVED:
                self._settle(batch, write, found, Outcome(Verdict.OK, "archived"), memo)
                continue
            ended = outcome(answer, empty_ok=True)
            if ended.verdict is Verdict.OK or ended.reason == GONE:
                ended = Outcome(Verdict.UNKNOWN, "not-as-asked")
            batch.settle(write, ended, memo=memo)
        return batch.results()

    def lift(self, writes: Sequence[Write]) -> Sequence[Result]:
        """As `Restricts.lift`. OK with reason "not-archived" where they came back already.

        Someone who was archived before the restriction stays so, and so does one of whom no memo
        is left, for the two look alike: PERMANENT, for a person to look at.
        """
        batch = Batch(writes)
        going: list[Present] = []
        for write, member in self._present(batch, writes, Outcome(Verdict.PERMANENT, GONE)):
            ended = _unlifted(write.memo, str(member.get("status")))
            if ended is None:
                going.append((write, member))
            else:
                self._settle(batch, write, member, ended)
        answers = self._many(_lifting(write, member) for write, member in going)
        for (write, _), answer in zip(going, answers, strict=True):
            ended = outcome(answer)
            if ended.verdict is not Verdict.OK:
                batch.settle(write, ended)
                continue
            member = ended.body
            if member.get("status") == _wanted(write):
                ended = Outcome(Verdict.OK)
            elif member.get("status") in REFUSALS:
                ended = Outcome(Verdict.REFUSED, str(member["status"]))
            else:
                ended = Outcome(Verdict.UNKNOWN, "not-as-asked")
            self._settle(batch, write, member, ended)
        return batch.results()

    # what they share

    def _named(self, batch: Batch, write: Write) -> bool:
        """Whether the write names a record by its id; settles it where it does not."""
        if write.ref is not None and write.ref.id:
            return True
        batch.settle(write, Outcome(Verdict.PERMANENT, "no-id"))
        return False

    def _present(self, batch: Batch, writes: Sequence[Write], absent: Outcome) -> list[Present]:
        """The writes with their members. Settles those without an id, those whose member is not
        there (`absent`) or cannot be read: nothing was sent for them."""
        named = [write for write in writes if self._named(batch, write)]
        present: list[Present] = []
        for write, member in zip(named, self._read(named), strict=True):
            if member is None:
                batch.settle(write, absent)
            elif isinstance(member, ConnectorError):
                batch.settle(write, unread(member))
            else:
                present.append((write, member))
        return present

    def _read(self, writes: Sequence[Write]) -> Sequence[dict[str, Any] | ConnectorError | None]:
        query = {"fields": member_fields(self._members.fields)}
        calls = [
            member_call("GET", _scope(write), write.ref.id if write.ref else "", query=query)
            for write in writes
        ]
        return self._members.client.get_many(calls) if calls else ()

    def _many(self, calls: Iterable[dict[str, Any]]) -> Sequence[Reply | Exception]:
        made = list(calls)
        return self._members.client.http.many(made) if made else ()

    def _settle(
        self, batch: Batch, write: Write, member: Mapping[str, Any], ended: Outcome, memo: str = ""
    ) -> None:
        batch.settle(write, ended, self._members.record(_scope(write), member), memo)


def _scope(write: Write) -> str:
    return write.ref.scope if write.ref else write.scope


def _unlifted(memo: str, status: str) -> Outcome | None:
    """How a write ends for which nothing is to be sent; None where something is."""
    if memo not in STATUSES:
        return Outcome(Verdict.PERMANENT, "no-memo")
    if status != ARCHIVED:
        if status in REFUSALS and status != memo:
            return Outcome(Verdict.REFUSED, status)
        return Outcome(Verdict.OK, "not-archived")
    return Outcome(Verdict.PERMANENT, "was-archived") if memo == ARCHIVED else None


def _wanted(write: Write) -> str:
    """The status to bring back: the former one, unless the person refused meanwhile."""
    refused = any(one.topic == WHOLE_SCOPE for one in write.consents)
    return "unsubscribed" if refused and write.memo == "subscribed" else write.memo


def _lifting(write: Write, member: Mapping[str, Any]) -> dict[str, Any]:
    """The call that brings the former status back. It is never repeated by itself: a refusal may
    come between."""
    wanted = _wanted(write)
    body: dict[str, Any] = {"status": wanted}
    query = {"skip_merge_validation": "true"}
    unticked = [one.topic for one in write.consents if one.topic != WHOLE_SCOPE]
    if unticked:
        body["marketing_permissions"] = [
            {"marketing_permission_id": topic, "enabled": False} for topic in unticked
        ]
    if wanted == "subscribed":
        body |= {name: member[name] for name in EVIDENCE if member.get(name)}
    if wanted == "transactional":
        # a PATCH does not take this status; a PUT goes by the address alone
        body |= {"status_if_new": wanted, EMAIL: member.get(EMAIL)}
        handle = str(member.get("id"))
        return member_call("PUT", _scope(write), handle, json=body, query=query, idempotent=False)
    contact = str(member.get("contact_id"))
    return member_call("PATCH", _scope(write), contact, json=body, query=query, idempotent=False)
