"""What is wrong in a configuration, told so that its writer can mend it at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""The keys from the top of the configuration to a value: ("systems", "crowst-crm", "plugin")."""

_SHOWN = 60  # characters of a found value
_NAMED = 12  # known names listed in one message
_CREDENTIAL = re.compile(r"[A-Za-z0-9_+/=.-]{32,}")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a file. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to mend. No part of it ever holds a secret value."""

    place: Place
    path: str  # systems.crowst-crm.streams.contacts.topics[0].purpose, "" for the whole file
    found: str  # what stands there
    expected: str = ""
    mend: str = ""  # a sentence

    def __str__(self) -> str:
        subject = f"{self.place}: {self.path}: " if self.path else f"{self.place}: "
        expected = f"; expected {self.expected}" if self.expected else ""
        mend = f". {self.mend}" if self.mend else ""
        return f"{subject}{self.found}{expected}{mend}"


class ConfigError(ValueError):
    """The configuration cannot be used. `mistakes` holds every one that was found, by place."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(dict.fromkeys(mistakes), key=lambda m: (m.place, m.path)))
        count = len(self.mistakes)
        head = "One mistake" if count == 1 else f"{count} mistakes"
        lines = "\n".join(f"  {mistake}" for mistake in self.mistakes)
        super().__init__(f"{head} in the configuration:\n{lines}")


def without(mistakes: Iterable[Mistake], secrets: Iterable[str]) -> list[Mistake]:
    """The mistakes with every occurrence of a resolved secret taken out.

    Messages hide the value they are about by themselves; this net catches it where a mistake at
    another place speaks of it. Texts under four characters are too common to be secrets.
    """
    texts = sorted({text for text in secrets if len(text) >= 4}, key=len, reverse=True)

    def cleaned(told: str) -> str:
        for text in texts:
            told = told.replace(text, "(hidden)")
        return told

    return [
        Mistake(m.place, cleaned(m.path), cleaned(m.found), cleaned(m.expected), cleaned(m.mend))
        for m in mistakes
    ]


def dotted(path: KeyPath) -> str:
    """The path as people write it: systems.crowst-crm.rate, project.members[0]."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def near(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A sentence with the known name that `word` probably meant, or "".

    `cutoff` is how alike they must be: 0 is not at all, 1 the same.
    """
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=cutoff)
    return f'Did you mean "{names[close[0]]}"?' if close else ""


def one_of(known: Iterable[str]) -> str:
    """ "one of a, b, c", shortened where there are many."""
    names = list(known)
    if not names:
        return "none: there are none yet"
    more = f" … ({len(names)} in all)" if len(names) > _NAMED else ""
    return f"one of {', '.join(names[:_NAMED])}{more}" if len(names) > 1 else names[0]


def shown(value: object) -> str:
    """How a value that is not known to be secret is named in a message.

    What looks like a credential is not repeated: it may have been pasted in the wrong place.
    """
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if _CREDENTIAL.search(text):
        return "a long value (not repeated here)"
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f'"{cut}"' if cut else "an empty text"
