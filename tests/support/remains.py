"""Looking for what is left of somebody, however it is written: in files as bytes, in logs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from hub.testing.people import phone_notations

NOT_OURS = ("master.key",)


def written(*texts: str) -> dict[bytes, str]:
    """The ways in which a text may stand somewhere -> the text."""
    ways: dict[bytes, str] = {}
    for text in texts:
        for form in {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}:
            for one in {form, form.lower(), form.upper(), form.casefold()}:
                for way in (one, quote(one, safe=""), json.dumps(one)[1:-1]):
                    ways[way.encode()] = text
                ways[one.encode("utf-16-le")] = text
                ways[one.encode("latin-1", "ignore")] = text
    return {way: text for way, text in ways.items() if len(way) > 3}


def hashes(*emails: str) -> dict[bytes, str]:
    """Hashes of addresses, as text and as bytes; Mailchimp knows a member by one."""
    made: dict[bytes, str] = {}
    for email in emails:
        for name in ("md5", "sha1", "sha256"):
            digest = hashlib.new(name, email.lower().encode(), usedforsecurity=False)
            made[digest.hexdigest().encode()] = f"{name} of {email}"
            made[digest.digest()] = f"{name} of {email}"
    return made


def phones(number: int) -> dict[bytes, str]:
    """A number in all notations."""
    return written(*phone_notations(number), f"48 0{number}", f"480{number}")


def files_with(folder: Path, wanted: Mapping[bytes, str]) -> list[str]:
    """Which files below the folder hold which of the wanted, and how it is written there.

    Another process reads them: to close a database's file here would drop the locks that SQLite
    holds on it in this process.
    """
    found = []
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        if file.name in NOT_OURS:
            continue
        held = subprocess.run(["cat", file], stdout=subprocess.PIPE, check=True).stdout
        found += [f"{file.name}: {text} as {way!r}" for way, text in wanted.items() if way in held]
    return found


def lines_with(lines: Iterable[object], wanted: Mapping[bytes, str]) -> list[str]:
    """Which of the wanted stand in lines of a log."""
    text = "\n".join(map(str, lines)).encode()
    return [f"{text_} as {way!r}" for way, text_ in wanted.items() if way in text]
