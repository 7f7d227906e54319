"""The connector of what nothing connects: a spreadsheet, a folder of paper, a tool without an API.

The hub brings it itself. It can do nothing, so that whatever a rights request asks of such a system
becomes a task for a person, with instructions, a deadline and reminders; it is never synced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from hub.api import API_VERSION, ConnectorType, Context, Page, Problem, Record, Ref
from hub.domain.landscape import MANUAL


class ManualSettings(BaseModel):
    """As `hub connectors` shows them; `hub.settings` has judged their values already."""

    model_config = ConfigDict(extra="forbid")

    contact: str = Field(description="who does it: a name or an address")
    instructions: dict[str, str] = Field(
        default_factory=dict, description="what to do there, by language: fi, sv, en"
    )
    within: str = Field(
        default="", description="how soon it is to be confirmed, such as 5d; else as rights: says"
    )


class Manual:
    """Reads nothing and writes nothing."""

    def __init__(self, _context: Context) -> None:
        pass

    def check(self) -> Sequence[Problem]:
        """Nothing can stand in the way of what nothing runs."""
        return ()

    def prepare(self) -> Sequence[str]:
        """Nothing to make."""
        return ()

    def topics(self, _stream: str, _scope: str) -> Mapping[str, str]:
        """None."""
        return {}

    def read(self, _stream: str, _scope: str, _cursor: str | None) -> Iterator[Page]:
        """Nothing."""
        return iter(())

    def fetch(self, _stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        """Nothing the hub could see."""
        return [None] * len(refs)


TYPE = ConnectorType(
    kind=MANUAL,
    title="By hand",
    api_version=API_VERSION,
    settings=ManualSettings,
    streams=(),
    capabilities=frozenset(),
    open=Manual,
    base_url=lambda _: "https://by-hand.invalid",  # nothing is ever called
    auth=lambda _: {},
)
