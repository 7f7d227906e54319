"""Registering contacts for a webinar.

Registering somebody who is registered already succeeds at Zoom and says nothing of it, so all
registrants are read before any is made. A denied or cancelled one counts as there: somebody put the
registration aside, and a create must not undo that.

Zoom cannot change a registrant, so an update ends as `not-supported`. Cancelling is not done from
here: whether a person comes to a webinar is not the hub's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import (
    EXISTS,
    ConnectorError,
    Misconfigured,
    Outcome,
    Record,
    Ref,
    Result,
    Verdict,
    Write,
)
from plugins.webinar.zoom_client import (
    BATCH,
    GONE,
    HEAVY,
    LIGHT,
    QUESTIONS,
    REGISTRANTS,
    Client,
    outcome,
)
from plugins.webinar.zoom_mapping import EMAIL, NAMES, OWN_FIELDS, STREAM, Malformed
from plugins.webinar.zoom_reading import Registrants

MOST_CREATES = 30
"""The most that Zoom registers in one call."""

_PLAIN = frozenset((EMAIL, *NAMES))
NOT_SUPPORTED = "not-supported"


def questions(client: Client, scope: str) -> Mapping[str, Mapping[str, Any]] | None:
    """The custom questions of a webinar's form by their titles; None where there is no webinar."""
    body = client.get(QUESTIONS, {"webinar": scope})
    if body is None:
        return None
    return {
        str(one.get("title")).strip(): one
        for one in body.get("custom_questions") or ()
        if isinstance(one, dict) and one.get("title")
    }


class Registering:
    """Carries out batches of writes."""

    def __init__(self, registrants: Registrants) -> None:
        self._registrants = registrants
        self._client = registrants.client
        self._mapper = registrants.mapper

    def write(self, batch: Sequence[Write]) -> Sequence[Result]:
        """As `Writes.write`."""
        results: dict[str, Result] = {}
        creates: dict[str, list[Write]] = {}
        for write in batch:
            if write.ref is not None:
                results[write.key] = Result(write.key, Verdict.PERMANENT, NOT_SUPPORTED)
            else:
                creates.setdefault(write.scope, []).append(write)
        for scope, some in creates.items():
            results |= self._create(scope, some, alone=len(some) == len(batch))
        return [results[write.key] for write in batch]

    def _create(self, scope: str, writes: Sequence[Write], *, alone: bool) -> dict[str, Result]:
        try:
            listed = self._registrants.listed(scope)
            asked = questions(self._client, scope) if _asks(writes) else {}
        except Misconfigured:
            raise
        except ConnectorError as error:
            # nothing was sent yet
            ended = Outcome.of_error(error)
            return {
                write.key: Result(
                    write.key, Verdict.RETRYABLE, "unread", retry_after=ended.retry_after
                )
                for write in writes
            }
        if listed is None or asked is None:
            return {
                write.key: Result(write.key, Verdict.PERMANENT, "no-such-webinar")
                for write in writes
            }
        results: dict[str, Result] = {}
        bodies: dict[str, dict[str, Any]] = {}
        first: dict[str, str] = {}  # address -> key of the write that registers it
        again: dict[str, str] = {}  # key of a later write -> key of the first
        for write in writes:
            try:
                body = self._mapper.registration(write, asked)
            except Malformed as error:
                results[write.key] = Result(write.key, Verdict.PERMANENT, str(error))
                continue
            there = listed.of_email(body[EMAIL])
            address = body[EMAIL].casefold()
            if there is not None:
                results[write.key] = Result(write.key, Verdict.PERMANENT, EXISTS, there)
            elif address in first:
                again[write.key] = first[address]
            else:
                first[address] = write.key
                bodies[write.key] = body
        done = self._together(scope, {key: b for key, b in bodies.items() if b.keys() <= _PLAIN})
        done |= self._singly(scope, {key: b for key, b in bodies.items() if key not in done})
        refused = [one.error for one in done.values() if isinstance(one.error, Misconfigured)]
        if alone and refused and len(refused) == len(writes):
            raise refused[0]
        results |= self._read_back(scope, done)
        # the two controllers of a joint webinar may both register one person
        for key, earlier in again.items():
            if made := results[earlier].record:
                results[key] = Result(key, Verdict.PERMANENT, EXISTS, made)
            else:
                results[key] = Result(key, Verdict.RETRYABLE, "same-address-in-batch")
        return results

    def _together(self, scope: str, bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, Outcome]:
        """One call for those of whom there is nothing but address and names. A call that Zoom
        refuses as a whole answers for nobody: they are then registered one by one."""
        if len(bodies) < 2:
            return {}
        call = {
            "method": "POST",
            "route": BATCH,
            "path": {"webinar": scope},
            "json": {"registrants": list(bodies.values())},
            "limit": HEAVY,
            "apart": True,
        }
        (answer,) = self._client.http.many([call])
        ended = outcome(BATCH, answer)
        if ended.verdict is Verdict.PERMANENT or (
            ended.verdict is Verdict.RETRYABLE and not isinstance(ended.error, Misconfigured)
        ):
            return {}
        if ended.verdict is not Verdict.OK:
            return dict.fromkeys(bodies, ended)
        made = {
            str(row.get(EMAIL)).casefold(): row
            for row in ended.body.get("registrants") or ()
            if isinstance(row, dict)
        }
        unnamed = Outcome(Verdict.UNKNOWN, "not-named")
        return {
            key: Outcome(Verdict.OK, body=made[body[EMAIL].casefold()])
            if body[EMAIL].casefold() in made
            else unnamed
            for key, body in bodies.items()
        }

    def _singly(self, scope: str, bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, Outcome]:
        calls = [
            {
                "method": "POST",
                "route": REGISTRANTS,
                "path": {"webinar": scope},
                "json": body,
                "limit": LIGHT,
                "apart": True,
            }
            for body in bodies.values()
        ]
        answers = self._client.http.many(calls) if calls else ()
        return {
            key: outcome(REGISTRANTS, answer) for key, answer in zip(bodies, answers, strict=True)
        }

    def _read_back(self, scope: str, ended: Mapping[str, Outcome]) -> dict[str, Result]:
        """What was made, as Zoom holds it: its answer tells little more than the id."""
        ids = {
            key: str(one.body.get("registrant_id") or "")
            for key, one in ended.items()
            if one.verdict is Verdict.OK
        }
        records: dict[str, Record] = {}
        asked = [key for key, identity in ids.items() if identity]
        if asked:
            try:
                found = self._registrants.fetched([Ref(STREAM, scope, ids[key]) for key in asked])
                records = {k: r for k, r in zip(asked, found, strict=True) if r is not None}
            except ConnectorError:
                pass  # made, but not seen: the hub reads them back
        results: dict[str, Result] = {}
        for key, one in ended.items():
            if one.verdict is not Verdict.OK:
                reason = "no-such-webinar" if one.reason == GONE else one.reason
                results[key] = Result(key, one.verdict, reason, retry_after=one.retry_after)
            elif key in records:
                results[key] = Result(key, Verdict.OK, record=records[key])
            else:
                results[key] = Result(key, Verdict.UNKNOWN, "not-read-back")
        return results


def _asks(writes: Sequence[Write]) -> bool:
    """Whether any of them needs the webinar's questions."""
    return any(
        write.consents or any(name not in OWN_FIELDS for name in write.fields) for write in writes
    )
