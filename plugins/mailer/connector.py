"""Mailing tools. The provider is a setting, so that a system can change its tool but not its kind.

Each provider lives in modules named after it (`mailchimp*.py`) and gives a class that opens with a
`Context`. To add one: a value of `Settings.provider`, its modules, its line in `PROVIDERS`.
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
    Rate,
    StreamType,
    hookimpl,
)
from plugins.mailer.mailchimp import Mailchimp
from plugins.mailer.mailchimp_activities import KINDS
from plugins.mailer.mailchimp_creates import MOST_CREATES
from plugins.mailer.mailchimp_mapping import EMAIL
from plugins.mailer.mailchimp_reading import PAGE
from plugins.mailer.settings import Settings

PROVIDERS: Mapping[str, Callable[[Context], Connector]] = {"mailchimp": Mailchimp}


def open_provider(context: Context) -> Connector:
    """The connector of the provider that the settings name."""
    return PROVIDERS[_mine(context.settings).provider](context)


def _mine(settings: BaseModel) -> Settings:
    assert isinstance(settings, Settings), "opened with the settings of another connector type"
    return settings


MAILER = ConnectorType(
    kind="mailer",
    title="Mailing tool (Mailchimp)",
    api_version=API_VERSION,
    settings=Settings,
    streams=(
        StreamType(
            "members",
            email_field=EMAIL,
            scoped=True,
            read_page=PAGE,
            write_batch=MOST_CREATES,
            consent_batch=100,
            activities=KINDS,
        ),
    ),
    capabilities=frozenset(
        {
            Capability.READ,
            Capability.WRITE,
            Capability.WRITE_CONSENTS,
            Capability.READ_ACTIVITIES,
            Capability.LOCATE,
            Capability.EXPORT,
            Capability.RECTIFY,
            Capability.ERASE,
            Capability.RESTRICT,
        }
    ),
    open=open_provider,
    base_url=lambda settings: _mine(settings).address,
    auth=lambda settings: _mine(settings).authorization,
    # Mailchimp limits simultaneous connections, not calls in a time; the bucket only keeps a
    # fast loop from becoming the burst that is answered 403 without a body.
    limits={"": Rate(1000, 10)},
    concurrency=10,
    sandbox="plugins.mailer.sandbox:MailchimpSandbox",
)


@hookimpl
def hub_connector_types() -> Iterable[ConnectorType]:
    """The one type of this plugin."""
    return [MAILER]
