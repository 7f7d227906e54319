"""Restriction (Art. 18): a property and a list that sends and workflows are told to exclude.

Neither a status nor the contact itself is touched, so a restriction reads back as no withdrawal
and as no deletion. HubSpot has no switch that stops everything: that the property is excluded
everywhere is a residual, which a person confirms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
        The memo names the list. Repeating it does no harm; raises where nothing was settled.

        An archived contact cannot be written; it is sent nothing as long as nobody restores it
        (OK, archived)."""
        results, live = self._looked_up(batch, _restricted_as_it_is)
        if live:
            self._setup.make_property(DEFINITION)
            done = self._set(live, "true", results)
            if done:
                list_id = self._list.make()
                self._put(results, done, list_id, self._list.add)
                for key in done:
                    if results[key].verdict is Verdict.OK:
                        results[key] = replace(results[key], memo=f"{MEMO}{list_id}")
        return [results[write.key] for write in batch]

    def lift(self, batch: Sequence[Write]) -> list[Result]:
        """See `Restricts.lift`. Nothing was taken from the contact, so nothing is given back: a
        refusal made meanwhile stands. A contact that is gone is no longer restricted (OK,
        absent)."""
        results, live = self._looked_up(batch, _lifted_as_it_is)
        done = self._set(live, "", results) if live and self._setup.has(PROPERTY) else {}
        memos = {write.key: write.memo for write in batch}
        by_list: dict[str, dict[str, str]] = {}
        for key, id_ in done.items():
            memo = memos[key]
            list_id = memo.removeprefix(MEMO) if memo.startswith(MEMO) else self._list.find()
            if list_id:
                by_list.setdefault(list_id, {})[key] = id_
        for list_id, some in by_list.items():
            self._put(results, some, list_id, self._list.remove)
        for write in live:
            end = results.setdefault(write.key, Result(write.key, Verdict.OK))
            if end.reason == NOT_FOUND:  # since we looked
                results[write.key] = Result(write.key, Verdict.OK, "absent")
        return [results[write.key] for write in batch]

    def verify(self, refs: Sequence[Ref], act: Act) -> list[Verification]:
        """Whether the property shows and the list holds them, or no longer so. A contact that is
        not there any more, or archived, is sent nothing (absent, archived)."""
        rows = self._api.by_id([ref.id for ref in refs], (PROPERTY,))
        on_list = self._list.members({row["id"] for row in rows if row is not None})
        return [_verified(ref, act, row, on_list) for ref, row in zip(refs, rows, strict=True)]

    def _looked_up(
        self, batch: Sequence[Write], settled: Callable[[Mapping[str, Any] | None], Outcome | None]
    ) -> tuple[dict[str, Result], list[Write]]:
        """The results of those writes that need no writing, and those that do: so that nothing is
        made in the account for the sake of nobody."""
        results: dict[str, Result] = {}
        live: list[Write] = []
        known = [write for write in batch if write.ref is not None and write.ref.id.isdigit()]
        ids = list(dict.fromkeys(write.ref.id for write in known if write.ref is not None))
        rows = dict(zip(ids, self._api.by_id(ids, (PROPERTY,)), strict=True))
        for write in batch:
            if write.ref is None or write.ref.id not in rows:
                results[write.key] = Result(write.key, Verdict.PERMANENT, "id-missing")
            elif (end := settled(rows[write.ref.id])) is not None:
                results[write.key] = Result(write.key, end.verdict, end.reason)
            else:
                live.append(write)
        return results, live

    def _set(
        self, writes: Sequence[Write], value: str, results: dict[str, Result]
    ) -> dict[str, str]:
        """Set the property of those contacts. Answers, by key, the contact that each settled write
        came to: after a merge, the survivor."""
        by_id: dict[str, list[str]] = {}
        for write in writes:
            assert write.ref is not None
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
        done: dict[str, str] = {}
        lost = Outcome(Verdict.RETRYABLE, "misconfigured")
        for id_, keys in by_id.items():
            end = sending.outcomes.get(id_, lost)
            for key in keys:
                results[key] = Result(key, end.verdict, end.reason, retry_after=end.retry_after)
                if end.verdict is Verdict.OK and end.row is not None:
                    done[key] = str(end.row["id"])
        return done

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


def _restricted_as_it_is(row: Mapping[str, Any] | None) -> Outcome | None:
    """How a restriction ends where there is nothing to write; None where there is."""
    if row is None:
        return Outcome(Verdict.PERMANENT, NOT_FOUND)
    return Outcome(Verdict.OK, "archived") if row.get("archived") else None


def _lifted_as_it_is(row: Mapping[str, Any] | None) -> Outcome | None:
    """How a lifting ends where there is nothing to write; None where there is."""
    if row is None:
        return Outcome(Verdict.OK, "absent")
    if not row.get("archived"):
        return None
    return Outcome(Verdict.PERMANENT if _marked(row) else Verdict.OK, "archived")


def _marked(row: Mapping[str, Any]) -> bool:
    return (row.get("properties") or {}).get(PROPERTY) == "true"


def _verified(ref: Ref, act: Act, row: Mapping[str, Any] | None, on_list: set[str]) -> Verification:
    if row is None:
        return Verification(ref, done=True, code="absent")
    listed = row["id"] in on_list
    if act is Act.RESTRICT:
        if row.get("archived"):
            return Verification(ref, done=True, code="archived")
        if not _marked(row):
            return Verification(ref, done=False, code="not-restricted")
        if not listed:
            return Verification(ref, done=False, code="not-on-list")
        return Verification(ref, done=True, code="restricted")
    if _marked(row) or listed:
        return Verification(ref, done=False, code="still-restricted")
    return Verification(ref, done=True, code="lifted")
