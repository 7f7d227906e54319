"""Tags as fields: `tags` for all of them, `tags:PREFIX` for those that begin with PREFIX.

    tags:webinar            "webinar syksy attended" reads as "syksy attended", and is written so
    tags                    … and is then no part of the plain tags: neither read among them, nor
                            removed or added when they are written

Letter case does not tell tags apart for Mailchimp, so it does not here. Of several prefixes that
fit a tag the longest counts. Blanks around a tag are not kept by Mailchimp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.api import FieldValue
from plugins.mailer.mailchimp_values import Malformed

TAGS = "tags"
PREFIXED = "tags:"
LONGEST_TAG = 100
"""The most characters of a tag's name that Mailchimp takes."""


def is_tags(field: str) -> bool:
    """Whether a vendor field is made of tags."""
    return field == TAGS or field.startswith(PREFIXED)


def prefix_problem(field: str) -> str:
    """What is wrong with a tag field as it is configured; empty for nothing."""
    if field == TAGS:
        return ""
    prefix = field.removeprefix(PREFIXED)
    if not prefix.strip() or prefix != prefix.lstrip():
        return f"{field!r} must name the beginning of the tags that it stands for"
    if len(prefix) >= LONGEST_TAG:
        return f"{field!r} leaves no room for a value: tags have {LONGEST_TAG} characters at most"
    return ""


class TagFields:
    """The tag fields of a mapping, and which tag belongs to which of them."""

    def __init__(self, fields: Iterable[str]) -> None:
        self._fields = tuple(field for field in fields if is_tags(field))
        self._prefixes = sorted(
            (field.removeprefix(PREFIXED) for field in self._fields if field != TAGS),
            key=len,
            reverse=True,
        )

    def __bool__(self) -> bool:
        return bool(self._fields)

    def with_fields(self, fields: Iterable[str]) -> TagFields:
        """Those and more."""
        return TagFields(dict.fromkeys((*self._fields, *fields)))

    def read(self, member: Mapping[str, Any]) -> dict[str, FieldValue]:
        """The values of a member's tags by field. Nothing where the vendor cut the list short,
        for that says nothing of the tags that it leaves out."""
        tags = member.get("tags")
        if not self._fields or tags is None or member.get("tags_count", len(tags)) > len(tags):
            return {}
        values: dict[str, list[str]] = {field: [] for field in self._fields}
        for tag in tags:
            field, value = self._split(tag["name"])
            if field in values:
                values[field].append(value)
        return {field: tuple(sorted(some)) for field, some in values.items()}

    def wanted(
        self, fields: Mapping[str, FieldValue], present: Iterable[str] = ()
    ) -> Sequence[str] | None:
        """All the tags that a member should have once those fields are written, going by those
        that are there. None where the fields say nothing of tags. Raises Malformed."""
        written = [field for field in fields if is_tags(field)]
        if not written:
            return None
        known = self.with_fields(written)
        wanted = [name for name in present if known._split(name)[0] not in written]
        for field in written:
            for value in _list(field, fields[field]):
                name = f"{field.removeprefix(PREFIXED)}{value}" if field != TAGS else value
                if field == TAGS and known._split(name)[0] != TAGS:
                    continue  # it belongs to another field, which says what becomes of it
                if len(name.strip()) > LONGEST_TAG:
                    raise Malformed(f"tags have {LONGEST_TAG} characters at most")
                wanted.append(name.strip())
        return wanted

    def _split(self, name: str) -> tuple[str, str]:
        """The field of a tag, and its value there."""
        for prefix in self._prefixes:
            if len(name) > len(prefix) and name.casefold().startswith(prefix.casefold()):
                return PREFIXED + prefix, name[len(prefix) :]
        return TAGS, name


def _list(field: str, value: FieldValue) -> Sequence[str]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Malformed(f"{field} takes a list")
    if not all(isinstance(one, str) and one.strip() for one in value):
        raise Malformed(f"{field} takes texts that are not blank")
    return value


def tag_changes(present: Iterable[str], wanted: Iterable[str]) -> list[dict[str, str]]:
    """What to add and remove. Letter case does not tell tags apart for Mailchimp."""
    there = {name.casefold(): name for name in present}
    asked = {name.casefold(): name for name in wanted}
    return [
        *({"name": asked[k], "status": "active"} for k in sorted(asked.keys() - there.keys())),
        *({"name": there[k], "status": "inactive"} for k in sorted(there.keys() - asked.keys())),
    ]
