"""The conformance suite of connectors: what the hub relies on, as tests.

A connector's author subclasses `ConnectorConformance` in a test module, names the connector and
its sandbox, and says how a person or a clerk acts at the vendor. Nothing else is needed: each
test opens an account of its own, in this process, on a clock that stands still::

    class TestAcme(ConnectorConformance):
        connector_type = ACME
        stream, scope, topic = "people", "", "news"
        editable_field, other_field = "city", "title"
        unsupported = {Ability.MERGE: "Acme cannot merge people"}

        def settings(self) -> Settings:
            return Settings(token="right")

        def wrong_settings(self) -> Settings:
            return Settings(token="wrong")

        def seed(self) -> None:
            self.sandbox.seed({"tokens": ["right"], "topics": {"news": "News"}})

        def add_person(self, email: str, **fields: str) -> str:
            return self.sandbox.add(email, fields)

        …  # the other acts of `hub.testing.conformance.base.Base`

What is not declared in `ConnectorType.capabilities` or is named in `unsupported` is skipped, and
the skip says why. A connector that declares more needs these further acts, and nothing else:

    READ_ACTIVITIES   add_activity, add_malformed_activity; activity_kinds where not every kind
                      of the stream can be made to happen
    LOCATE and other  unlisted_scope_person where the stream is scoped; settle where the vendor
    rights            erases later; phone_field where it is searched by number

`tests/unit/testing/acme.py` of the hub is a whole example that can do everything, in about 350
lines, with its sandbox and its acts beside it in `acme_sandbox.py` and `acme_suite.py`.
Needs pytest.
"""

import pytest

# before they are imported, so that a failing assert of the suite shows its values
for _part in (
    "base",
    "declaring",
    "reading",
    "consents",
    "writing",
    "faults",
    "activities",
    "locating",
    "rights",
    "restricting",
):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from hub.testing.conformance.activities import Activities  # noqa: E402 - after the line above
from hub.testing.conformance.base import Ability  # noqa: E402 - as above
from hub.testing.conformance.consents import Wishes, WritingWishes  # noqa: E402 - as above
from hub.testing.conformance.declaring import Declaring  # noqa: E402 - as above
from hub.testing.conformance.reading import Checking, Fetching, Reading, Rows  # noqa: E402 - as above
from hub.testing.conformance.restricting import Restricting  # noqa: E402 - as above
from hub.testing.conformance.rights import Erasing  # noqa: E402 - as above
from hub.testing.conformance.writing import Writing  # noqa: E402 - as above

__all__ = ["Ability", "ConnectorConformance"]


class ConnectorConformance(
    Declaring,
    Checking,
    Reading,
    Rows,
    Fetching,
    Wishes,
    WritingWishes,
    Writing,
    Activities,
    Erasing,
    Restricting,
):
    """Everything. See the module's docstring and `base.Base` for what to give."""
