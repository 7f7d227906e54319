"""Settings, checking, preparing, and the sandbox's own rules."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from hub.api import Misconfigured, Ref, hub_connector_types
from hub.testing.clock import ManualClock
from hub.testing.sandbox import Fault, FaultKind
from plugins.mailer import connector
from plugins.mailer.mailchimp import Mailchimp
from plugins.mailer.sandbox import MailchimpSandbox
from plugins.mailer.settings import Settings
from tests.contract.mailer.conftest import CONFIRMED, KEY, LIST, PERMISSION, World


def test_the_data_centre_comes_from_the_key() -> None:
    assert Settings(api_key=SecretStr(KEY)).address == "https://us21.api.mailchimp.com"
    assert (
        Settings(api_key=SecretStr("x"), base_url="http://localhost:1/").address
        == "http://localhost:1"
    )
    with pytest.raises(ValidationError, match="data centre"):
        Settings(api_key=SecretStr("without"))
    with pytest.raises(ValidationError):
        Settings(api_key=SecretStr(KEY), base_url="mailchimp.com")
    with pytest.raises(ValidationError):
        Settings.model_validate({"provider": "brevo", "api_key": KEY})


def test_the_key_is_not_shown() -> None:
    settings = Settings(api_key=SecretStr(KEY))
    assert KEY not in repr(settings)
    assert settings.authorization["Authorization"].startswith("Basic ")


def test_the_module_is_the_plugin() -> None:
    (one,) = connector.hub_connector_types()
    assert one is connector.MAILER
    assert hub_connector_types.__name__ == connector.hub_connector_types.__name__


def test_check_is_silent_when_all_is_right(world: World) -> None:
    world.seed(LIST, {"email_address": "a@posti.example"})
    assert list(world.open(topics=("*", PERMISSION)).check()) == []


def problems(mailer: Mailchimp) -> list[tuple[str, bool]]:
    found = mailer.check()
    assert all(problem.message and problem.mend for problem in found)
    return [(problem.code, problem.fatal) for problem in found]


def test_check_names_what_is_wrong(world: World) -> None:
    world.seed(LIST, {"email_address": "a@posti.example"})
    assert problems(world.open(key="wrong-us21")) == [("auth", True)]
    assert problems(world.open(scopes=(LIST, "olematon"))) == [("scope-id", True)]
    assert problems(world.open(fields=("email_address", "first name"))) == [("field", True)]
    assert problems(world.open(fields=("email_address", "EMAIL"))) == [("field", True)]
    assert problems(world.open(scopes=(LIST,), topics=("nosuch",))) == [("topic", True)]
    assert problems(world.open(scopes=(CONFIRMED,), double_opt_in=())) == [("double-opt-in", False)]


def test_a_permission_cannot_be_looked_up_in_an_empty_audience(world: World) -> None:
    assert problems(world.open(scopes=(LIST,), topics=(PERMISSION,))) == [("topic", False)]


def test_an_address_field_cannot_be_mapped(world: World) -> None:
    fields = [{"tag": "HOME", "type": "address"}]
    world.sandbox.seed({"lists": [{"id": LIST, "merge_fields": fields}]})
    mailer = world.open(fields=("email_address", "HOME"), scopes=(LIST,))
    assert problems(mailer) == [("field", True)]


def test_prepare_makes_missing_merge_fields_once(world: World) -> None:
    mailer = world.open(fields=("email_address", "FNAME", "TITLE", "tags", "bad name"))
    assert list(mailer.prepare()) == [
        f"{LIST}: merge field TITLE",
        f"{CONFIRMED}: merge field TITLE",
    ]
    assert list(mailer.prepare()) == []
    made = world.sandbox.audiences[LIST].merge_fields["TITLE"]
    assert (made["type"], made["required"], made["public"]) == ("text", False, False)


def test_prepare_says_what_it_may_not_make(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    full = world.sandbox.problem(400, "Bad Request", "Too many merge fields")
    monkeypatch.setattr(type(world.sandbox), "add_merge_field", lambda *_: full)
    real = world.sandbox._answer

    def answer(call: object, endpoint: object) -> object:
        return full if getattr(call, "method", "") == "POST" else real(call, endpoint)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(world.sandbox, "_answer", answer)
    with pytest.raises(Misconfigured, match="TITLE"):
        world.open(fields=("email_address", "TITLE")).prepare()


def test_topics_by_their_titles(world: World) -> None:
    world.seed(LIST, {"email_address": "a@posti.example"})
    assert world.open().topics("members", LIST) == {
        "*": "Crowst: uutiset",
        PERMISSION: "Sähköposti",
        "aa00bb": "Puhelin",
    }


# the sandbox


def test_the_eleventh_connection_is_refused(world: World) -> None:
    # long enough that all eleven are there together, also on a machine with much to do
    world.sandbox.faults.append(Fault(FaultKind.LATENCY, value=3.0))

    def ping(_: int) -> int:
        return httpx.get(world.url + "/3.0/ping", auth=("any", KEY)).status_code

    with ThreadPoolExecutor(11) as threads:
        statuses = sorted(threads.map(ping, range(11)))
    assert statuses == [200] * 10 + [429]


def test_our_client_keeps_to_ten(world: World) -> None:
    members = [{"email_address": f"h{n}@posti.example"} for n in range(40)]
    world.seed(LIST, *members)
    mailer = world.open()
    world.sandbox.faults.append(Fault(FaultKind.LATENCY, value=0.05))
    refs = [Ref("members", LIST, "", str(one["email_address"])) for one in members]
    assert all(mailer.fetch("members", refs))
    assert not [entry for entry in world.sandbox.journal if entry["status"] == 429]


def test_a_page_is_a_thousand_at_most() -> None:
    sandbox = MailchimpSandbox(now=ManualClock().now)
    sandbox.seed({"api_keys": [KEY], "lists": [{"id": LIST}]})
    headers = {"Authorization": f"Bearer {KEY}"}
    path = f"/3.0/lists/{LIST}/members"
    assert sandbox.handle("GET", path, "count=1000", headers, b"").status == 200
    assert sandbox.handle("GET", path, "count=1001", headers, b"").status == 400
    assert sandbox.handle("GET", path, "since_last_changed=eilen", headers, b"").status == 400
    assert sandbox.handle("POST", path, "", headers, b"{").status == 400


def test_the_same_story_leaves_the_same_state() -> None:
    states = []
    for _ in range(2):
        sandbox = MailchimpSandbox(now=ManualClock().now)
        sandbox.seed(
            {
                "lists": [{"id": LIST, "members": [{"email_address": "a@posti.example"}]}],
                "acts": [
                    {"list": LIST, "email": "b@posti.example", "act": "form-subscribe"},
                    {"list": LIST, "email": "a@posti.example", "act": "unsubscribe"},
                ],
            }
        )
        states.append(json.dumps(sandbox.state(), sort_keys=True))
    assert states[0] == states[1]


def test_a_refused_change_changes_nothing(world: World) -> None:
    world.seed(LIST, {"email_address": "a@posti.example", "status": "subscribed"})
    world.act(LIST, "a@posti.example", "unsubscribe")
    before = json.dumps(world.sandbox.state())
    body = {
        "status": "subscribed",
        "merge_fields": {"FNAME": "x"},
        "email_address": "b@posti.example",
        "marketing_permissions": [{"marketing_permission_id": PERMISSION, "enabled": True}],
    }
    path = f"/3.0/lists/{LIST}/members/a@posti.example"
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = world.sandbox.handle("PATCH", path, "", headers, json.dumps(body).encode())
    assert answer.status == 400
    assert json.dumps(world.sandbox.state()) == before
