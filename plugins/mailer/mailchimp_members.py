"""What creates, updates and consents share: the results of a batch, and members looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.api import Outcome, Record, Result, Verdict, Write
from plugins.mailer.mailchimp_client import Client, member_call, one_fate
from plugins.mailer.mailchimp_mapping import MemberMapper, member_fields
from plugins.mailer.mailchimp_tags import TagFields
from plugins.mailer.mailchimp_values import Malformed

UNNAMED = "not-named"
"""The vendor answered a success that says nothing of this input."""


class Batch:
    """The results of one batch, each input exactly once."""

    def __init__(self, writes: Sequence[Write]) -> None:
        self._writes = writes
        self._results: dict[str, Result] = {}
        self._outcomes: list[Outcome] = []

    def settle(
        self, write: Write, ended: Outcome, record: Record | None = None, memo: str = ""
    ) -> None:
        """Note how a write ended."""
        self._outcomes.append(ended)
        self._results[write.key] = Result(
            write.key, ended.verdict, ended.reason, record, ended.retry_after, memo
        )

    def ended(self, write: Write) -> bool:
        """Whether a write has its result."""
        return write.key in self._results

    def results(self) -> Sequence[Result]:
        """In the order of the writes. Raises where all of them met one refusal of the account."""
        if len(self._outcomes) == len(self._writes):
            one_fate(self._outcomes)
        unnamed = Verdict.UNKNOWN
        return [
            self._results.get(write.key) or Result(write.key, unnamed, UNNAMED)
            for write in self._writes
        ]


class Members:
    """The members of an account, looked up and made into records."""

    def __init__(self, client: Client, mapper: MemberMapper, fields: Sequence[str]) -> None:
        self.client = client
        self.fields = fields
        self.tags = TagFields(fields)
        self._mapper = mapper
        self._query = {"fields": member_fields(fields)}

    def by_hash(self, scope: str, hashes: Sequence[str]) -> dict[str, Any]:
        """The members of those addresses, where they are there and could be read."""
        found = self.client.get_many(
            [member_call("GET", scope, hashed, query=self._query) for hashed in hashes]
        )
        return {
            hashed: member
            for hashed, member in zip(hashes, found, strict=True)
            if isinstance(member, dict)
        }

    def record(self, scope: str, member: Any) -> Record | None:
        """The member's record; None where it cannot be understood."""
        try:
            return self._mapper.record(scope, member)
        except Malformed:
            return None

    def settle(
        self, batch: Batch, scope: str, write: Write, member: Any, ended: Outcome | None = None
    ) -> None:
        """Note a write that went well, or ended so, with the state that it left."""
        ended = ended or Outcome(Verdict.OK)
        record = self.record(scope, member)
        if record is None and ended.verdict is Verdict.OK:
            ended = Outcome(Verdict.UNKNOWN, "unreadable-answer")
        batch.settle(write, ended, record)
