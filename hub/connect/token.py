"""A short-lived bearer token: fetched when first needed, renewed when it is old or refused.

The request that fetches it carries the vendor's long-lived secret, and the answer the token: no
word of either is logged or raised.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from hub.api import AuthFailed, RateLimited, TokenRequest, Unavailable
from hub.connect.clock import Clock
from hub.connect.retry import Again, retry_after

EARLY = 60.0
"""Seconds before its end that a token is renewed: a call takes a while, and clocks differ."""

_USUAL_LIFE = 3600.0
"""Seconds that a token is taken to live where the vendor does not say."""


class BearerToken:
    """The token of one client. Safe to use from several threads: one fetches, the others wait."""

    def __init__(
        self, system: str, request: TokenRequest, client: httpx.Client, clock: Clock
    ) -> None:
        self._where = f"{system}: POST {request.route}"
        self._system = system
        self._request = request
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._value = ""
        self._until = 0.0

    def value(self, refused: str = "") -> str:
        """A token that should be good; another one than `refused`.

        Raises AuthFailed where the vendor refuses the credential, Again for what passes.
        """
        with self._lock:
            if not self._value or self._value == refused or self._clock.monotonic() >= self._until:
                self._value = ""
                self._value, life = self._fetched()
                self._until = self._clock.monotonic() + max(life - EARLY, life / 2)
            return self._value

    def _fetched(self) -> tuple[str, float]:
        lost = False
        try:
            response = self._client.post(
                self._request.url,
                content=urlencode(self._request.form).encode(),
                headers={
                    **self._request.headers,
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            )
        except httpx.RequestError:
            lost = True  # raised below: the error names the whole request
        if lost:
            raise Again(Unavailable(f"{self._where}: no answer"))
        status = response.status_code
        if status == 429 or (status == 403 and not response.content):
            asked = retry_after(response.headers.get("retry-after"), self._clock.now())
            raise Again(
                RateLimited(f"{self._where}: called too often ({status})", retry_after=asked)
            )
        if status in (400, 401, 403):
            raise AuthFailed(
                f"{self._where}: the vendor gives no token for the credential ({status})",
                mend=f"check the credential of {self._system}: is it whole, of the right account, "
                "and its app active?",
            )
        found = _object(response) if status < 300 else {}
        token, life = found.get("access_token"), found.get("expires_in", _USUAL_LIFE)
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            # nothing was changed by it, so whatever it was, asking again is safe
            raise Again(Unavailable(f"{self._where}: answered no token ({status})"))
        return token, float(life) if isinstance(life, int | float) else _USUAL_LIFE


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
