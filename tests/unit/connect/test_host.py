"""Plugins are found, judged by name, and open systems; a bad one blocks only its own."""

import sys
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import EntryPoint

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.api import (
    API_VERSION,
    ActivityKind,
    Capability,
    ConnectorType,
    Misconfigured,
    Rate,
    StreamType,
)
from hub.connect.discovery import GROUP
from hub.connect.host import Host
from hub.connect.validation import InvalidSettings
from hub.domain.landscape import (
    ActivityMap,
    CreatePolicy,
    Direction,
    Effect,
    FieldMap,
    Schedule,
    Stream,
    System,
    TopicMap,
)
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from tests.unit.connect.acme_vendor import TOKEN, Acme

HEAD = """
from hub.api import API_VERSION, ConnectorType, StreamType, hookimpl
from pydantic import BaseModel
"""
GOOD = (
    HEAD
    + """
def make(kind, version=API_VERSION):
    return ConnectorType(kind=kind, title=kind, api_version=version, settings=BaseModel,
        streams=(StreamType("people", email_field="email"),), capabilities=frozenset(),
        open=lambda context: None, base_url=lambda s: "https://x.example", auth=lambda s: {})

@hookimpl
def hub_connector_types():
    yield make("KIND")
"""
)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Writes a plugin module and answers its entry point."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def write(name, source):
        module = f"hub_test_plugin_{name}"
        (tmp_path / f"{module}.py").write_text(source)
        made.append(module)
        return EntryPoint(name, module, GROUP)

    yield write
    for module in made:
        sys.modules.pop(module, None)


def test_a_plugin_is_found(plugin):
    host = Host.load([plugin("good", GOOD.replace("KIND", "good"))])
    assert list(host.types) == ["good"]
    assert host.problems == ()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "import nowhere_to_be_found",
            "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(hub_test_plugin_bad\.py:1\)"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            GOOD.replace("hub_connector_types", "hub_conector_types"),
            "did you mean 'hub_connector_types'",
        ),
        (GOOD.replace("hub_connector_types", "on_start"), "'on_start' that the hub does not know$"),
        (GOOD.replace("hub_connector_types()", "hub_connector_types(hub)"), "does not fit"),
        (GOOD.replace("@hookimpl", ""), "without @hookimpl"),
        (HEAD, "has no hook 'hub_connector_types'"),
        (GOOD.replace('make("KIND")', "undefined"), "fails in hub_connector_types: NameError"),
        (GOOD.replace('make("KIND")', "'bad'"), "offers a str, not a ConnectorType"),
        (
            GOOD.replace('make("KIND")', f'make("bad", {API_VERSION + 1})'),
            f"for version {API_VERSION + 1} of the connector API, this hub speaks",
        ),
    ],
)
def test_a_bad_plugin_is_named_and_blocks_only_its_own_systems(plugin, source, message):
    host = Host.load([plugin("bad", source), plugin("good", GOOD.replace("KIND", "good"))])
    assert list(host.types) == ["good"]
    (problem,) = host.problems
    assert problem.plugin == "bad"
    assert "'bad'" in problem.message
    assert problem.mend
    with pytest.raises(Misconfigured, match=message) as caught:
        host.type("bad", "crowst-bad")
    assert str(caught.value).startswith("crowst-bad: ")


def test_a_kind_that_two_plugins_offer_is_left_out(plugin):
    one = plugin("one", GOOD.replace("KIND", "twice"))
    two = plugin("two", GOOD.replace("KIND", "twice"))
    host = Host.load([one, two, plugin("good", GOOD.replace("KIND", "good"))])
    assert list(host.types) == ["good"]
    with pytest.raises(Misconfigured, match="'twice' is offered 2 times, by 'one' and 'two'"):
        host.type("twice")


def test_metadata_found_twice_is_one_plugin(plugin):
    entry = plugin("good", GOOD.replace("KIND", "good"))
    host = Host.load([entry, EntryPoint(entry.name, entry.value, entry.group)])
    assert (list(host.types), host.problems) == (["good"], ())


# opening


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: SecretStr
    base_url: str = "https://api.vendor.example/v1"
    pages: int = Field(default=1, le=9)

    @field_validator("base_url")
    @classmethod
    def _https(cls, value: str) -> str:
        if "vendor" not in value:
            raise ValueError(f"{value} is not the vendor's")
        return value


class Opened:
    def __init__(self, context):
        self.context = context


def auth(settings):
    return {"Authorization": f"Bearer {settings.token.get_secret_value()}"}


def acme_type(**changed):
    given = {
        "kind": "acme",
        "title": "Acme",
        "api_version": API_VERSION,
        "settings": Settings,
        "streams": (
            StreamType("people", email_field="email"),
            StreamType(
                "members",
                email_field="email",
                scoped=True,
                activities=frozenset({ActivityKind.MAIL_SENT, ActivityKind.MAIL_OPENED}),
            ),
        ),
        "capabilities": frozenset({Capability.READ, Capability.WRITE, Capability.READ_ACTIVITIES}),
        "open": Opened,
        "base_url": lambda s: s.base_url,
        "auth": auth,
        "limits": {"": Rate(100, 1), "search": Rate(5, 1)},
    }
    return ConnectorType(**{**given, **changed})


def stream(name="people", scopes=("",), direction=Direction.BOTH):
    return Stream(
        name=name,
        direction=direction,
        scopes=scopes,
        create=CreatePolicy.NEVER,
        fields=(FieldMap("email", "email"), FieldMap("name", "full_name")),
        topics=(
            TopicMap("news", scopes[0], (Effect("crowst", "news"),)),
            TopicMap("news", scopes[-1], (Effect("crowst", "news"),)),
        ),
    )


def system(*streams, plugin="acme", name="crowst-acme"):
    return System(
        id=name,
        plugin=plugin,
        controllers=("crowst",),
        project=None,
        country="FI",
        transfer="",
        schedule=Schedule(every=timedelta(hours=1)),
        streams=streams,
    )


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def host(clock):
    with Host([acme_type()], clock=clock) as one:
        yield one


SETTINGS = Settings(token=TOKEN)


def test_a_connector_is_given_what_the_configuration_says(host, clock):
    acme = Acme()
    configured = system(stream(), stream("members", ("a1", "a2")))
    context = host.open(configured, SETTINGS, transport=InProcess(acme)).context
    assert context.system == "crowst-acme"
    assert context.settings is SETTINGS
    assert context.fields == {"people": ("email", "full_name"), "members": ("email", "full_name")}
    assert context.scopes == {"people": ("",), "members": ("a1", "a2")}
    assert context.topics == {"people": ("news",), "members": ("news",)}
    assert context.now() == clock.now()
    reply = context.http.call("GET", "/people/{id}", path={"id": "1"}, limit="search")
    assert reply.json()["id"] == "1"


def collecting(*kinds, name="members", scopes=("a1",)):
    return replace(stream(name, scopes), activities=tuple(ActivityMap(kind) for kind in kinds))


def test_a_connector_is_told_which_activities_are_collected(host):
    context = host.open(system(stream(), collecting("mail-sent")), SETTINGS).context
    assert context.activities == {
        "people": frozenset(),
        "members": frozenset({ActivityKind.MAIL_SENT}),
    }


@pytest.mark.parametrize(
    ("configured", "known"),
    [
        (collecting("mail-sent", "poll"), "mail-opened, mail-sent"),
        (collecting("poll", name="people", scopes=("",)), "none"),
    ],
)
def test_an_activity_that_the_stream_does_not_tell_of(host, configured, known):
    told = f"acme tells of no activities of the kind 'poll' in the stream '{configured.name}'"
    with pytest.raises(Misconfigured, match=told) as caught:
        host.open(system(configured), SETTINGS)
    assert caught.value.mend.endswith(f"the kinds it tells of: {known}")


def test_activities_need_the_capability(clock):
    with (
        Host([acme_type(capabilities=frozenset({Capability.READ, Capability.WRITE}))]) as host,
        pytest.raises(Misconfigured, match="tells of no activities"),
    ):
        host.open(system(collecting("mail-sent")), SETTINGS)


def test_the_configuration_s_rates_win(host, clock):
    context = host.open(
        system(stream()), SETTINGS, transport=InProcess(Acme()), rates={"": Rate(1, 30)}
    ).context
    for _ in range(2):
        context.http.call("GET", "/people/{id}", path={"id": "1"})
    assert sum(clock.slept) == pytest.approx(30, abs=0.01)


def test_systems_with_one_credential_share_their_limits(host, clock):
    transport = InProcess(Acme())
    limits = {"rates": {"": Rate(1, 30)}, "transport": transport}
    one, two = (host.open(system(stream(), name=name), SETTINGS, **limits).context for name in "ab")
    other = host.open(system(stream(), name="c"), Settings(token="another"), **limits).context
    one.http.call("GET", "/people/{id}", path={"id": "1"})
    with pytest.raises(Misconfigured):
        other.http.call("GET", "/people/{id}", path={"id": "1"})  # Acme knows one token only
    assert clock.slept == []
    two.http.call("GET", "/people/{id}", path={"id": "1"})
    assert sum(clock.slept) == pytest.approx(30, abs=0.01)


def test_a_system_opened_again_uses_its_connections_again(host):
    one = host.open(system(stream()), SETTINGS).context.http
    assert host.open(system(stream()), SETTINGS).context.http is one
    assert host.open(system(stream()), Settings(token="changed")).context.http is not one


@pytest.mark.parametrize(
    ("configured", "message", "mend"),
    [
        (
            system(plugin="acmee"),
            "no plugin connects 'acmee', did you mean 'acme'",
            "known kinds: acme",
        ),
        (
            system(stream("peple")),
            "has no stream 'peple', did you mean 'people'",
            "people, members",
        ),
        (system(stream("people", ("a1",))), "'people' has no scopes, yet 'a1'", "remove"),
        (system(stream("members")), "'members' needs to know which scopes", "list"),
        (system(stream("members", ("a1", ""))), "'members' needs to know which scopes", "list"),
    ],
)
def test_what_the_type_does_not_offer(host, configured, message, mend):
    with pytest.raises(Misconfigured, match=message) as caught:
        host.open(configured, SETTINGS)
    assert str(caught.value).startswith("crowst-acme: ")
    assert mend in caught.value.mend


def test_writing_needs_the_capability(clock):
    with Host([acme_type(capabilities=frozenset({Capability.READ}))], clock=clock) as host:
        host.open(system(stream(direction=Direction.READ)), SETTINGS)
        for direction in (Direction.WRITE, Direction.BOTH):
            with pytest.raises(Misconfigured, match="cannot be written to"):
                host.open(system(stream(direction=direction)), SETTINGS)


@pytest.mark.parametrize(
    ("rates", "message"),
    [({"serach": Rate(1, 1)}, "no rate limit called 'serach'"), ({"": Rate(0, 1)}, "no call out")],
)
def test_rates_that_make_no_sense(host, rates, message):
    with pytest.raises(Misconfigured, match=message):
        host.open(system(stream()), SETTINGS, rates=rates)


@pytest.mark.parametrize("what", ["base_url", "auth", "open"])
def test_a_plugin_that_fails_while_opening_is_named_without_its_words(clock, what):
    def fail(given):
        raise KeyError(SETTINGS.token.get_secret_value())

    told = rf"crowst-acme.*`{what}`.*test_host\.py"
    with (
        Host([acme_type(**{what: fail})], clock=clock) as host,
        pytest.raises(Misconfigured, match=told) as caught,
    ):
        host.open(system(stream()), SETTINGS)
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None


# settings


def test_settings_that_fit(host):
    assert host.settings("acme", {"token": "t"}).pages == 1


def test_settings_that_do_not_fit_are_told_key_by_key_without_values(host):
    raw = {
        "tokn": SecretStr("canary-token"),
        "pages": "canary-pages",
        "base_url": "https://canary.example",
    }
    with pytest.raises(InvalidSettings, match=r"^crowst-acme: ") as caught:
        host.settings("acme", raw, "crowst-acme")
    told = {fault.key: fault.message for fault in caught.value.faults}
    assert told["tokn"] == "is not a known key, did you mean 'token'?"
    assert told["token"] == "is missing"
    assert "integer" in told["pages"]
    assert told["base_url"] == "… is not the vendor's"
    assert "canary" not in str(caught.value) + caught.value.mend
    assert caught.value.__context__ is None
    assert "token, base_url, pages" in caught.value.mend


def test_settings_of_an_unknown_kind(host):
    with pytest.raises(Misconfigured, match="no plugin connects 'nobody'"):
        host.settings("nobody", {})
