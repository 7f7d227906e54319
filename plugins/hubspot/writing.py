"""Writing contacts: creates that overwrite nobody, updates by id, never a subscription status."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.api import (
    EXISTS,
    ConnectorError,
    Misconfigured,
    Record,
    Result,
    Unavailable,
    Verdict,
    Write,
)
from plugins.hubspot.answers import named
from plugins.hubspot.batches import CONFLICT, NOT_FOUND, Batch, Input, Outcome
from plugins.hubspot.client import CONTACTS, Api
from plugins.hubspot.consenting import Consenter, Subscriber
from plugins.hubspot.mapping import EMAIL, BadRowError, Mapper, encoded, fold
from plugins.hubspot.reading import Reader

RACED = "made-meanwhile"
"""Reason of an OK create: somebody else made the contact after we had looked, and it now has our
fields beside its own."""


class Writer:
    """Carries out `Writes.write` for one account."""

    def __init__(
        self,
        api: Api,
        mapper: Mapper,
        reader: Reader,
        consenter: Consenter,
        checkboxes: Collection[str],
    ) -> None:
        self._api = api
        self._mapper = mapper
        self._reader = reader
        self._consenter = consenter
        self._checkboxes = checkboxes

    def write(self, batch: Sequence[Write]) -> list[Result]:
        """See `Writes.write`. Raises ConnectorError where nothing at all was carried out."""
        results: dict[str, Result] = {}
        try:
            self._update([write for write in batch if write.ref is not None], results)
            self._create([write for write in batch if write.ref is None], results)
        except ConnectorError as error:
            if not any(r.verdict in (Verdict.OK, Verdict.UNKNOWN) for r in results.values()):
                raise
            # some are carried out: the rest are told one by one, so that those are not lost
            code = "misconfigured" if isinstance(error, Misconfigured) else "unavailable"
            wait = error.retry_after if isinstance(error, Unavailable) else None
            for write in batch:
                results.setdefault(
                    write.key, Result(write.key, Verdict.RETRYABLE, code, retry_after=wait)
                )
        return [results[write.key] for write in batch]

    def rectify(self, batch: Sequence[Write]) -> list[Result]:
        """See `Rectifies.rectify`. Never makes a contact."""
        known = [write for write in batch if write.ref is not None and write.ref.id.isdigit()]
        results = {result.key: result for result in self.write(known)} if known else {}
        absent = [
            write.ref.id
            for write in known
            if write.ref is not None and results[write.key].reason == NOT_FOUND
        ]
        rows = self._api.contacts(absent, (EMAIL,), archived=True) if absent else []
        archived = {id_ for row in rows for id_ in Mapper.ids(row)}
        for write in batch:
            if write.key not in results:
                results[write.key] = Result(write.key, Verdict.PERMANENT, "id-missing")
            elif results[write.key].reason == NOT_FOUND and write.ref and write.ref.id in archived:
                results[write.key] = replace(results[write.key], reason="archived")
        return [results[write.key] for write in batch]

    # updates

    def _update(self, writes: Sequence[Write], results: dict[str, Result]) -> None:
        waiting = list(writes)
        while waiting:
            # HubSpot refuses a batch that names a record twice: the second goes after the first
            inputs: dict[str, Input] = {}
            later: list[Write] = []
            for write in waiting:
                assert write.ref is not None
                if write.ref.id in inputs:
                    later.append(write)
                elif not write.ref.id.isdigit():
                    results[write.key] = Result(write.key, Verdict.PERMANENT, "id-missing")
                elif not write.fields:
                    results[write.key] = Result(write.key, Verdict.OK)
                elif properties := self._properties(write, results):
                    body = {
                        "id": write.ref.id,
                        "properties": properties,
                        "objectWriteTraceId": write.key,
                    }
                    names = (f"trace:{write.key}", f"id:{write.ref.id}")
                    inputs[write.ref.id] = Input(write.key, body, names)
            self._send("batch/update", list(inputs.values()), results)
            waiting = later

    # creates

    def _create(self, writes: Sequence[Write], results: dict[str, Result]) -> None:
        first: dict[str, Write] = {}  # by address
        again: list[Write] = []
        for write in writes:
            email = write.fields.get(EMAIL)
            if not isinstance(email, str) or not fold(email):
                results[write.key] = Result(write.key, Verdict.PERMANENT, "email-missing")
            elif fold(email) in first:
                again.append(write)
            else:
                first[fold(email)] = write
        self._exists(first, results)
        inputs: list[Input] = []
        for email, write in first.items():
            if write.key not in results and (properties := self._properties(write, results)):
                body = {
                    "id": email,
                    "idProperty": EMAIL,
                    "properties": properties,
                    "objectWriteTraceId": write.key,
                }
                inputs.append(Input(write.key, body, (f"trace:{write.key}", f"email:{email}")))
        self._send("batch/upsert", inputs, results)
        # somebody else took the address meanwhile
        taken = {
            email: write
            for email, write in first.items()
            if results[write.key].verdict is Verdict.PERMANENT
            and results[write.key].reason == CONFLICT
        }
        self._exists(taken, results)
        self._initial_consents([write for write in first.values() if write.consents], results)
        for write in again:
            before = results[first[fold(str(write.fields[EMAIL]))].key]
            exists = before.record is not None and (
                before.verdict is Verdict.OK or before.reason == EXISTS
            )
            verdict = Verdict.PERMANENT if exists else before.verdict
            code = EXISTS if exists else before.reason
            results[write.key] = replace(before, key=write.key, verdict=verdict, reason=code)

    def _exists(self, writes: Mapping[str, Write], results: dict[str, Result]) -> None:
        """Settle the creates whose address a live contact has."""
        if not writes:
            return
        rows = self._api.contacts(list(writes), self._mapper.names, by_email=True)
        said = self._reader.statuses(
            [email for row in rows for email in self._mapper.addresses(row)[:1]]
        )
        for row in rows:
            addresses = self._mapper.addresses(row)
            record = self._record(row)
            if record is not None and addresses:
                record = replace(record, consents=(*said.get(addresses[0], ()), *record.consents))
            for email in addresses:
                if email in writes:
                    key = writes[email].key
                    results[key] = Result(key, Verdict.PERMANENT, EXISTS, record)

    def _initial_consents(self, writes: Sequence[Write], results: dict[str, Result]) -> None:
        """The wishes that creates begin with. A record made without them is not settled: the hub
        reads it back and sees what is missing."""
        made = {
            write.key: Subscriber(record.ref.email or "", record)
            for write in writes
            if results[write.key].verdict is Verdict.OK
            and (record := results[write.key].record) is not None
        }
        try:
            ends = self._consenter.carry_out([w for w in writes if w.key in made], made)
        except ConnectorError:
            for key in made:
                results[key] = replace(
                    results[key], verdict=Verdict.UNKNOWN, reason="consents-unsettled"
                )
            return
        for key, end in ends.items():
            # refused or impossible: the contact is there, and its record tells how it stands
            settled = end.verdict in (Verdict.OK, Verdict.REFUSED, Verdict.PERMANENT)
            results[key] = replace(
                results[key],
                verdict=Verdict.OK if settled else Verdict.UNKNOWN,
                reason=f"consents-{end.reason}" if end.reason else results[key].reason,
                record=end.record or results[key].record,
            )

    # both

    def _send(self, tail: str, inputs: Sequence[Input], results: dict[str, Result]) -> None:
        batch = Batch(self._api, f"{CONTACTS}/{tail}", of_row, of_error)
        try:
            batch.send(inputs)
        finally:
            for key, outcome in batch.outcomes.items():
                results[key] = self._result(key, outcome)

    def _result(self, key: str, outcome: Outcome) -> Result:
        record = self._record(outcome.row) if outcome.row is not None else None
        code = outcome.reason
        if outcome.row is not None and outcome.row.get("new") is False:
            code = RACED
        return Result(key, outcome.verdict, code, record, outcome.retry_after)

    def _record(self, row: Any) -> Record | None:
        try:
            return self._mapper.record(row)
        except BadRowError:
            return None  # done as far as HubSpot says; what it holds now is to be fetched

    def _properties(self, write: Write, results: dict[str, Result]) -> dict[str, str] | None:
        try:
            return {
                name: encoded(value, options=name in self._checkboxes)
                for name, value in write.fields.items()
            }
        except ValueError:
            results[write.key] = Result(write.key, Verdict.PERMANENT, "list-item")
            return None


def of_row(row: Mapping[str, Any]) -> list[str]:
    """By what names a contact that a batch answers calls its input."""
    names = [f"trace:{row['objectWriteTraceId']}"] if row.get("objectWriteTraceId") else []
    names.append(f"id:{row.get('id')}")
    return [*names, *(f"email:{email}" for email in Mapper.addresses(row))]


def of_error(error: Mapping[str, Any]) -> list[str]:
    """By what names an error calls the inputs that it is for."""
    traces = named(error, "objectWriteTraceId")
    if traces:
        return [f"trace:{one}" for one in traces]
    ids = named(error, "ids") or named(error, "id")
    return [name for one in ids for name in (f"id:{one}", f"email:{fold(one)}")]
