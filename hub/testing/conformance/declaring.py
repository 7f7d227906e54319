"""Conformance of what a connector type declares with what its connector is."""

from __future__ import annotations

import pytest

from hub.api import (
    Capability,
    Connector,
    Erases,
    Exports,
    Locates,
    ReadsActivities,
    Rectifies,
    Restricts,
    Verifies,
    Writes,
    WritesConsents,
)
from hub.testing.conformance.base import Base

PROTOCOLS: dict[Capability, type] = {
    Capability.READ: Connector,
    Capability.WRITE: Writes,
    Capability.WRITE_CONSENTS: WritesConsents,
    Capability.READ_ACTIVITIES: ReadsActivities,
    Capability.LOCATE: Locates,
    Capability.EXPORT: Exports,
    Capability.RECTIFY: Rectifies,
    Capability.ERASE: Erases,
    Capability.RESTRICT: Restricts,
}
"""What a connector that declares a capability must be."""

LANGUAGES = ("fi", "sv", "en")


class Declaring(Base):
    """What is declared is there, and what is there is declared."""

    @pytest.mark.parametrize("capability", Capability)
    def test_what_is_declared_is_what_is_implemented(self, capability: Capability) -> None:
        protocol = PROTOCOLS[capability]
        implemented = isinstance(self.connector, protocol)
        if capability in self.connector_type.capabilities:
            assert implemented, f"{capability} is declared, and {protocol.__name__} is missing"
        else:
            assert not implemented, f"{protocol.__name__} is there, and {capability} not declared"

    def test_an_act_that_is_declared_can_be_verified(self) -> None:
        acts = {Capability.ERASE, Capability.RESTRICT} & self.connector_type.capabilities
        assert not acts or isinstance(self.connector, Verifies), (
            f"{', '.join(sorted(acts))} declared without verify(): nothing would ever be proved"
        )

    def test_kinds_of_activities_are_declared_with_reading_them(self) -> None:
        kinds = {kind for stream in self.connector_type.streams for kind in stream.activities}
        reads = Capability.READ_ACTIVITIES in self.connector_type.capabilities
        assert bool(kinds) == reads, "StreamType.activities belongs to READ_ACTIVITIES"
        assert set(self.kinds) <= self.type.activities

    def test_what_no_call_reaches_is_explained_to_a_person(self) -> None:
        residuals = self.connector_type.residuals
        codes = [one.code for one in residuals]
        assert len(set(codes)) == len(codes), "each becomes a task of its own"
        for one in residuals:
            assert one.code
            missing = [lang for lang in LANGUAGES if not one.instructions.get(lang, "").strip()]
            assert not missing, f"residual {one.code}: no instructions in {', '.join(missing)}"
