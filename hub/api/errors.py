"""What can go wrong between the hub and a vendor, grouped by how one recovers.

    ConnectorError
    ├── Unavailable          wait and try again: nothing was changed at the vendor
    │   ├── RateLimited      … after `retry_after` seconds
    │   └── Uncertain        a write went out and no answer came back: read back before repeating
    ├── Misconfigured        a person must change the configuration or the vendor's settings
    │   ├── AuthFailed       the credential is refused
    │   ├── MissingScope     the credential lacks a right
    │   └── UnknownField     a mapping names a field that the vendor does not have
    └── BadAnswer            the vendor answered something outside its contract

Messages are shown to operators and logged: they name the system's part and the mend, and never
hold personal data. Route templates (`/contacts/{id}`) are fine, filled-in paths are not.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Base of everything a connector or the HTTP client raises on purpose."""


class Unavailable(ConnectorError):
    """The vendor cannot answer now, and nothing was changed there. Trying again is safe."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(Unavailable):
    """The vendor asks to slow down; `retry_after` is in seconds, None where it does not say."""


class Uncertain(Unavailable):
    """A write was sent, its outcome is not known: read it back, never repeat it blindly."""


class Misconfigured(ConnectorError):
    """Only a person can mend this; `mend` says how."""

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend


class AuthFailed(Misconfigured):
    """The credential is missing, wrong or revoked."""


class MissingScope(Misconfigured):
    """The credential works but lacks a right; `scope` is the vendor's name for it."""

    def __init__(self, message: str, *, scope: str = "", mend: str = "") -> None:
        super().__init__(message, mend=mend)
        self.scope = scope


class UnknownField(Misconfigured):
    """The configuration names a field that the vendor does not have and cannot be made to have."""


class BadAnswer(ConnectorError):
    """The vendor's answer is outside its contract: HTML, a torn body, an unknown shape."""
