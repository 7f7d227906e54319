"""One spelling for each value, before it is compared, looked up or stored.

E-mail: NFC, case folded, domain in IDNA; no plus- or dot-folding, which would join two people.
Phone: E.164 by Finnish rules where no country is given. Text: NFC, white space collapsed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from hub.api import FieldValue
from hub.domain.landscape import FieldKind
from hub.domain.profile import Plain

# What needs no second look: labels as in RFC 1035 2.3.1, none of them in another encoding (xn--).
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9](?:[a-z0-9._%+'\-]*[a-z0-9_+\-])?"
    r"@(?:(?!..--)[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)
_LONGEST_EMAIL = 254
_E164_FINNISH = re.compile(r"\+358[1-9]\d{5,10}")
_FINNISH_MOBILE = re.compile(r"(?:0|(?:\+|00)358(?:\(0\))?)((?:4\d|50)\d{6,8})")
_PUNCTUATION = str.maketrans("", "", " -./\u00a0")


class Malformed(ValueError):
    """The value cannot be what its field says it is. The text never repeats the value."""


def email(raw: str) -> str:
    """The address in the one spelling that finds its person. Raises Malformed."""
    text = raw.strip().lower()
    if len(text) <= _LONGEST_EMAIL and _PLAIN_EMAIL.fullmatch(text) and ".." not in text:
        return text
    return _email_slowly(unicodedata.normalize("NFC", raw.strip()))


@lru_cache(maxsize=4096)
def _email_slowly(text: str) -> str:
    try:
        # test_environment lets .test through; deliverability would ask the network
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Malformed("not an e-mail address") from None
    domain = found.ascii_domain or found.domain
    return f"{found.local_part.casefold()}@{domain.casefold()}"


def spellings(address: str) -> tuple[str, ...]:
    """A normalised address in each way that a vendor may keep it: as it is, and with a domain of
    letters outside ASCII as people write it ("aino@hämäläinen.example")."""
    local, _, domain = address.rpartition("@")
    if "xn--" not in domain:
        return (address,)
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return (address,)
    return tuple(dict.fromkeys((address, f"{local}@{found.domain}")))


def phone(raw: str) -> str:
    """The number in E.164, read as Finnish without a country code. Raises Malformed."""
    text = raw.strip()
    if _E164_FINNISH.fullmatch(text):
        return text
    mobile = _FINNISH_MOBILE.fullmatch(text.translate(_PUNCTUATION))
    return f"+358{mobile[1]}" if mobile else _phone_slowly(text)


@lru_cache(maxsize=65536)
def _phone_slowly(text: str) -> str:
    found = _e164(text)
    # A row of zeros loses one each time it is read: written to a vendor and read back it would
    # look changed for ever.
    if not _E164_FINNISH.fullmatch(found) and _e164(found) != found:
        raise Malformed("not a possible phone number")
    return found


def _e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text, "FI")
    except phonenumbers.NumberParseException:
        raise Malformed("not a phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise Malformed("not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def text(raw: str) -> str | None:
    """NFC, without surrounding and doubled white space; None where nothing is left."""
    if not raw.isascii():
        raw = unicodedata.normalize("NFC", raw)
    return " ".join(raw.split()) or None


def _text_of(raw: FieldValue) -> Plain | None:
    if isinstance(raw, str):
        return text(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(raw)
    return None if raw is None else text("; ".join(str(part) for part in raw))


def _email_of(raw: FieldValue) -> Plain | None:
    plain = _text_of(raw)
    return email(plain) if isinstance(plain, str) else None


def _phone_of(raw: FieldValue) -> Plain | None:
    plain = _text_of(raw)
    if not isinstance(plain, str):
        return None
    try:
        return phone(plain)
    except Malformed:
        return plain  # kept as it was written: better a strange number than a lost one


def _list_of(raw: FieldValue) -> Plain | None:
    if raw is None:
        return None
    parts = raw.split(";") if isinstance(raw, str) else raw
    if isinstance(parts, bool | int | float):
        parts = [str(parts)]
    kept = {known for part in parts if (known := text(str(part)))}
    return tuple(sorted(kept)) or None


_BY_KIND: dict[FieldKind, Callable[[FieldValue], Plain | None]] = {
    FieldKind.TEXT: _text_of,
    FieldKind.EMAIL: _email_of,
    FieldKind.PHONE: _phone_of,
    FieldKind.LIST: _list_of,
}


def plain(kind: FieldKind, raw: FieldValue) -> Plain | None:
    """The normalised value of a vendor's field; None where it is empty. Raises Malformed."""
    return _BY_KIND[kind](raw)


def vendor_value(value: Plain | None) -> FieldValue:
    """A normalised value as a connector takes it."""
    return list(value) if isinstance(value, tuple) else value


def names_disagree(one: Plain | None, other: Plain | None) -> bool:
    """Whether two first names cannot be the same person's: no part of one is, or abbreviates, a
    part of the other. Unknown names disagree with nobody."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    ours = re.split(r"[\s.\-]+", one.casefold().strip(". "))
    theirs = re.split(r"[\s.\-]+", other.casefold().strip(". "))
    return not any(a and b and (a.startswith(b) or b.startswith(a)) for a in ours for b in theirs)
