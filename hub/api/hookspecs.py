"""The one hook. It is synchronous and only registers typed values; nothing is fanned out by it."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from hub.api.types import ConnectorType

PROJECT = "hub"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def hub_connector_types() -> Iterable[ConnectorType]:
    """The kinds of system that this plugin can connect.

    Example::

        @hookimpl
        def hub_connector_types() -> Iterable[ConnectorType]:
            return [ConnectorType(kind="hubspot", …)]
    """
    raise NotImplementedError
