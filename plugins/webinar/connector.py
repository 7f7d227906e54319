"""Webinar tools. The provider is a setting, so that a system can change its tool but not its kind.

Each provider lives in modules named after it (`zoom*.py`) and gives a class that opens with a
`Context`. To add one (Livestorm, pretix): a value of `Settings.provider`, its modules, its line in
`PROVIDERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pydantic import BaseModel

from hub.api import (
    API_VERSION,
    Capability,
    Connector,
    ConnectorType,
    Context,
    StreamType,
    TokenRequest,
    hookimpl,
)
from plugins.webinar.settings import Settings
from plugins.webinar.zoom import Zoom
from plugins.webinar.zoom_activities import KINDS
from plugins.webinar.zoom_client import LIMITS, PAGE
from plugins.webinar.zoom_mapping import EMAIL, STREAM
from plugins.webinar.zoom_residuals import RESIDUALS
from plugins.webinar.zoom_writing import MOST_CREATES

PROVIDERS: Mapping[str, Callable[[Context], Connector]] = {"zoom": Zoom}


def open_provider(context: Context) -> Connector:
    """The connector of the provider that the settings name."""
    return PROVIDERS[_mine(context.settings).provider](context)


def token(settings: BaseModel) -> TokenRequest:
    """Zoom's server-to-server OAuth: a token for an hour, for the app's own credential."""
    mine = _mine(settings)
    form = {"grant_type": "account_credentials", "account_id": mine.account_id}
    return TokenRequest(mine.token_url, form, mine.authorization)


def _mine(settings: BaseModel) -> Settings:
    assert isinstance(settings, Settings), "opened with the settings of another connector type"
    return settings


WEBINAR = ConnectorType(
    kind="webinar",
    title="Webinar tool (Zoom)",
    api_version=API_VERSION,
    settings=Settings,
    streams=(
        StreamType(
            STREAM,
            email_field=EMAIL,
            scoped=True,
            read_page=PAGE,
            write_batch=MOST_CREATES,
            activities=KINDS,
        ),
    ),
    capabilities=frozenset(
        {
            Capability.READ,
            Capability.WRITE,
            Capability.READ_ACTIVITIES,
            Capability.LOCATE,
            Capability.EXPORT,
            Capability.ERASE,
        }
    ),
    open=open_provider,
    base_url=lambda settings: _mine(settings).address,
    auth=lambda settings: {},
    token=token,
    limits=LIMITS,
    residuals=RESIDUALS,
    sandbox="plugins.webinar.sandbox:ZoomSandbox",
)


@hookimpl
def hub_connector_types() -> Iterable[ConnectorType]:
    """The one type of this plugin."""
    return [WEBINAR]
