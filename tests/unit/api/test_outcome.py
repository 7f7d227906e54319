"""What became of a call: nothing that is not known counts as done, or as not done."""

from __future__ import annotations

import httpx
import pytest

from hub.api import (
    THROTTLED,
    AuthFailed,
    BadAnswer,
    Outcome,
    RateLimited,
    Unavailable,
    Uncertain,
    Verdict,
)
from hub.connect.http import Answer


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (Uncertain("lost"), Verdict.UNKNOWN, "no-answer"),
        (RateLimited("slow", retry_after=7), Verdict.RETRYABLE, THROTTLED),
        (Unavailable("down"), Verdict.RETRYABLE, "unavailable"),
        (AuthFailed("no"), Verdict.RETRYABLE, "misconfigured"),
        (BadAnswer("html"), Verdict.UNKNOWN, "unreadable-answer"),
    ],
)
def test_an_error(error: Exception, verdict: Verdict, reason: str) -> None:
    ended = Outcome.of_error(error)
    assert (ended.verdict, ended.reason, ended.error) == (verdict, reason, error)
    assert ended.result("k").retry_after == getattr(error, "retry_after", None)


def test_a_fault_of_our_own_is_nobodys_outcome() -> None:
    with pytest.raises(ZeroDivisionError):
        Outcome.of_error(ZeroDivisionError())


@pytest.mark.parametrize(
    ("status", "body", "empty_ok", "verdict"),
    [
        (200, b'{"id": 1}', False, Verdict.OK),
        (204, b"", True, Verdict.OK),
        (204, b"", False, Verdict.UNKNOWN),
        (200, b"{}", False, Verdict.UNKNOWN),
        (200, b"<html>", False, Verdict.UNKNOWN),
    ],
)
def test_a_success(status: int, body: bytes, empty_ok: bool, verdict: Verdict) -> None:
    reply = Answer("vendor: PUT /members/{id}", httpx.Response(status, content=body))
    assert Outcome.of_success(reply, empty_ok=empty_ok).verdict is verdict
