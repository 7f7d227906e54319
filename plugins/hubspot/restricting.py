"""Restriction (Art. 18): a property and a list that sends and workflows are told to exclude.

Neither a status nor the contact itself is touched, so a restriction reads back as no withdrawal
and as no deletion. HubSpot has no switch that stops everything: that the property is excluded
everywhere is a residual, which a person confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.api import (
    Act,
    BadAnswer,
    Misconfigured,
    Ref,
    Result,
    Unavailable,
    Uncertain,
    Verdict,
    Verification,
    Write,
)
from plugins.hubspot.batches import NOT_FOUND, Batch, Input, Outcome
from plugins.hubspot.client import CONTACTS, Api
from plugins.hubspot.lists import ManualList
from plugins.hubspot.setup import Setup
from plugins.hubspot.writing import of_error, of_row

PROPERTY = "hub_restricted"
DEFINITION: Mapping[str, Any] = {
    "name": PROPERTY,
    "label": "Restricted (GDPR Art. 18)",
    "type": "bool",
    "fieldType": "booleancheckbox",
    "options": [
        {"label": label, "value": value, "displayOrder": n, "hidden": False, "description": ""}
        for n, (label, value) in enumerate((("Yes", "true"), ("No", "false")))
    ],
    "description": "Kept by the hub: exclude such contacts from every send and workflow.",
}
MEMO = "list:"

Listed = Callable[[str, Sequence[str]], set[str]]


class Restrictor:
    """Carries out `Restricts` for one account."""

    def __init__(self, api: Api, setup: Setup, exclusion: ManualList) -> None:
        self._api = api
        self._setup = setup
        self._list = exclusion

    def restrict(self, batch: Sequence[Write]) -> list[Result]:
        """See `Restricts.restrict`. Makes the property and the list when they are first needed.
        The memo names the list. Repeating it does no harm; raises where nothing was settled."""
        self._setup.make_property(DEFINITION)
        outcomes = self._set(batch, "true")
        results = self._results(batch, outcomes)
        done = _ids(outcomes)
        if done:
            list_id = self._list.make()
            self._put(results, done, list_id, self._list.add)
            results = {
                key: Result(key, one.verdict, one.reason, memo=f"{MEMO}{list_id}")
                if one.verdict is Verdict.OK
                else one
                for key, one in results.items()
            }
        return [results[write.key] for write in batch]

    def lift(self, batch: Sequence[Write]) -> list[Result]:
        """See `Restricts.lift`. Nothing was taken from the contact, so nothing is given back: a
        refusal made meanwhile stands. A contact that is gone is no longer restricted (absent)."""
        outcomes = self._set(batch, "") if self._setup.has(PROPERTY) else {}
        results = self._results(batch, outcomes)
        memos = {write.key: write.memo for write in batch}
        by_list: dict[str, dict[str, str]] = {}
        for key, id_ in _ids(outcomes).items():
            memo = memos[key]
            list_id = memo.removeprefix(MEMO) if memo.startswith(MEMO) else self._list.find()
            if list_id:
                by_list.setdefault(list_id, {})[key] = id_
        for list_id, done in by_list.items():
            self._put(results, done, list_id, self._list.remove)
        for key, one in results.items():
            if one.reason == NOT_FOUND:
                results[key] = Result(key, Verdict.OK, "absent")
        return [results[write.key] for write in batch]

    def verify(self, refs: Sequence[Ref], act: Act) -> list[Verification]:
        """Whether the property shows and the list holds them, or no longer so. A contact that is
        not there any more is sent nothing (absent)."""
        rows = self._api.by_id([ref.id for ref in refs], (PROPERTY,))
        on_list = self._list.members({row["id"] for row in rows if row is not None})
        return [_verified(ref, act, row, on_list) for ref, row in zip(refs, rows, strict=True)]

    def _set(self, batch: Sequence[Write], value: str) -> dict[str, Outcome]:
        """Set the property of every contact of the batch; outcomes by key."""
        by_id: dict[str, list[str]] = {}
        outcomes: dict[str, Outcome] = {}
        for write in batch:
            if write.ref is None or not write.ref.id.isdigit():
                outcomes[write.key] = Outcome(Verdict.PERMANENT, "id-missing")
            else:
                by_id.setdefault(write.ref.id, []).append(write.key)
        inputs = [
            Input(
                id_,
                {"id": id_, "properties": {PROPERTY: value}, "objectWriteTraceId": keys[0]},
                (f"trace:{keys[0]}", f"id:{id_}"),
            )
            for id_, keys in by_id.items()
        ]
        sending = Batch(self._api, f"{CONTACTS}/batch/update", of_row, of_error)
        try:
            sending.send(inputs)
        except Misconfigured:
            if not sending.outcomes:
                raise
        lost = Outcome(Verdict.RETRYABLE, "misconfigured")
        for id_, keys in by_id.items():
            outcomes |= dict.fromkeys(keys, sending.outcomes.get(id_, lost))
        return outcomes

    def _results(
        self, batch: Sequence[Write], outcomes: Mapping[str, Outcome]
    ) -> dict[str, Result]:
        """An archived contact cannot be written: whether it is restored is a person's choice."""
        absent = [w.ref.id for w in batch if w.ref and _reason(outcomes, w.key) == NOT_FOUND]
        archived: set[str] = set()
        for row in self._api.contacts(absent, (PROPERTY,), archived=True) if absent else ():
            archived.add(str(row.get("id")))
        results: dict[str, Result] = {}
        for write in batch:
            end = outcomes.get(write.key, Outcome(Verdict.OK))
            code = end.reason
            if code == NOT_FOUND and write.ref and write.ref.id in archived:
                code = "archived"
            results[write.key] = Result(write.key, end.verdict, code, retry_after=end.retry_after)
        return results

    def _put(
        self, results: dict[str, Result], done: Mapping[str, str], list_id: str, act: Listed
    ) -> None:
        """Bring the list into line. What fails here is not settled, and is sent again."""
        try:
            missing = act(list_id, list(dict.fromkeys(done.values())))
        except (Uncertain, BadAnswer):
            for key in done:
                results[key] = Result(key, Verdict.UNKNOWN, "no-answer")
        except Unavailable as error:
            for key in done:
                results[key] = Result(
                    key, Verdict.RETRYABLE, "list-unavailable", retry_after=error.retry_after
                )
        else:
            for key, id_ in done.items():
                if id_ in missing:
                    results[key] = Result(key, Verdict.PERMANENT, NOT_FOUND)


def _ids(outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """The contact that each settled write came to: after a merge, the survivor."""
    return {
        key: str(end.row["id"])
        for key, end in outcomes.items()
        if end.verdict is Verdict.OK and end.row is not None
    }


def _reason(outcomes: Mapping[str, Outcome], key: str) -> str:
    return outcomes[key].reason if key in outcomes else ""


def _verified(ref: Ref, act: Act, row: Mapping[str, Any] | None, on_list: set[str]) -> Verification:
    if row is None:
        return Verification(ref, done=True, code="absent")
    marked = (row.get("properties") or {}).get(PROPERTY) == "true"
    listed = row["id"] in on_list
    if act is Act.RESTRICT:
        if not marked:
            return Verification(ref, done=False, code="not-restricted")
        if not listed:
            return Verification(ref, done=False, code="not-on-list")
        return Verification(ref, done=True, code="restricted")
    if marked or listed:
        return Verification(ref, done=False, code="still-restricted")
    return Verification(ref, done=True, code="lifted")
