"""Settings, checking, topics, and the sandbox's control surface."""

from __future__ import annotations

import json

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from hub.api import hub_connector_types
from hub.testing.clock import ManualClock
from plugins.webinar import connector
from plugins.webinar.sandbox import ZoomSandbox
from plugins.webinar.settings import Settings
from plugins.webinar.zoom import Zoom
from plugins.webinar.zoom_activities import KINDS
from tests.contract.webinar.conftest import (
    AINO,
    BANGERI,
    CROWST,
    MANUAL,
    SCOPE,
    SECRET,
    SEED,
    TEAM,
    WEBINAR,
    World,
)

NEEDED = {"account_id": "acc", "client_id": "hub", "client_secret": SECRET}


def test_the_module_is_the_plugin() -> None:
    (one,) = connector.hub_connector_types()
    assert one is connector.WEBINAR
    assert hub_connector_types.__name__ == connector.hub_connector_types.__name__


def test_where_tokens_come_from() -> None:
    assert Settings.model_validate(NEEDED).token_url == "https://zoom.us/oauth/token"
    local = Settings.model_validate({**NEEDED, "base_url": "http://localhost:1/"})
    assert (local.address, local.token_url) == (
        "http://localhost:1",
        "http://localhost:1/oauth/token",
    )
    apart = local.model_copy(update={"oauth_url": "http://localhost:2/"})
    assert apart.token_url == "http://localhost:2/oauth/token"


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": "livestorm"},
        {"account_id": ""},
        {"base_url": "api.zoom.example"},
        {"yes_answers": []},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({**NEEDED, **wrong})


def test_the_secret_is_not_shown() -> None:
    settings = Settings.model_validate(NEEDED)
    assert SECRET not in repr(settings)
    assert SECRET not in repr(connector.token(settings))
    assert "Basic" not in repr(connector.token(settings))


def problems(zoom: Zoom) -> list[tuple[str, bool]]:
    found = zoom.check()
    assert all(problem.message and problem.mend for problem in found)
    return [(problem.code, problem.fatal) for problem in found]


def test_check_is_silent_when_all_is_right(world: World) -> None:
    before = world.sandbox.state()
    assert problems(world.open(kinds=KINDS)) == []
    assert world.sandbox.state() == before
    assert {one["method"] for one in world.calls() if one["route"] != "/oauth/token"} == {"GET"}


def test_check_names_what_is_wrong(world: World) -> None:
    wrong = SecretStr("väärä")
    assert problems(world.open(client_secret=wrong)) == [("auth", True)]
    assert problems(world.open(account_id="toinen")) == [("auth", True)]
    assert problems(world.open(user="kukaan")) == [("user", True)]
    assert problems(world.open(scopes=(WEBINAR, MANUAL, 99))) == [("scope-id", True)]
    assert problems(world.open(scopes=(WEBINAR, MANUAL, "webinaari"))) == [("scope-id", True)]
    assert problems(world.open(fields=("email", "company"))) == [("field", True)]
    assert problems(world.open(topics=("Saammeko?",))) == [("topic", True)]


def test_an_unknown_question_is_told_with_those_that_are_asked(world: World) -> None:
    (problem,) = world.open(topics=("Saako crowst lähettää uutiskirjeen?",)).check()
    assert CROWST in problem.mend


def test_a_webinar_to_come_that_nobody_listed_is_noticed(world: World) -> None:
    (problem,) = world.open(scopes=(WEBINAR,)).check()
    assert (problem.code, problem.fatal) == ("new-webinar", False)
    assert str(MANUAL) in problem.message
    world.clock.advance(60 * 86400)  # both are over by now
    assert problems(world.open(scopes=(WEBINAR,))) == []


@pytest.mark.parametrize(
    "scope",
    [
        "webinar:read:list_webinars:admin",
        "webinar:read:list_registration_questions:admin",
        "webinar:read:list_registrants:admin",
        "webinar:read:webinar:admin",
        "webinar:read:list_past_instances:admin",
        "webinar:read:list_absentees:admin",
        "report:read:list_webinar_participants:admin",
        "report:read:webinar_qna:admin",
        "report:read:webinar_polls:admin",
    ],
)
def test_check_names_a_missing_scope(world: World, scope: str) -> None:
    app = world.sandbox.access.apps[0]
    app.scopes = tuple(one for one in app.scopes if one != scope)
    found = world.open(kinds=KINDS).check()
    assert [(one.code, one.fatal) for one in found] == [("scope", True)]
    assert scope in found[0].message


def test_scopes_of_reports_are_needed_for_activities_alone(world: World) -> None:
    app = world.sandbox.access.apps[0]
    app.scopes = tuple(one for one in app.scopes if not one.startswith("report:"))
    assert problems(world.open()) == []


def test_topics_are_the_questions(zoom: Zoom) -> None:
    titles = {title: title for title in (CROWST, BANGERI, TEAM)}
    assert zoom.topics("registrants", SCOPE) == titles
    assert zoom.topics("registrants", "99") == {}
    assert zoom.prepare() == []


# the sandbox


def test_people_act_through_the_control_surface(world: World) -> None:
    acts = [
        {"act": "register", "webinar": WEBINAR, "email": AINO, "answers": {CROWST: "Kyllä"}},
        {"act": "cancel", "webinar": WEBINAR, "email": AINO},
        {"act": "approve", "webinar": WEBINAR, "email": AINO},
        {"act": "hold", "webinar": WEBINAR, "attended": [AINO]},
    ]
    httpx.post(f"{world.url}/_control/seed", json={"acts": acts}).raise_for_status()
    state = httpx.get(f"{world.url}/_control/state").json()
    webinar = next(one for one in state["webinars"] if one["id"] == WEBINAR)
    assert webinar["registrants"][0]["status"] == "approved"
    assert webinar["instances"][0]["attended"][0]["user_email"] == AINO


def test_the_same_story_leaves_the_same_state() -> None:
    states = []
    for _ in range(2):
        sandbox = ZoomSandbox(now=ManualClock().now)
        sandbox.seed(SEED)
        sandbox.register(WEBINAR, AINO, {CROWST: "Kyllä"})
        sandbox.hold(WEBINAR, attended=[AINO])
        states.append(json.dumps(sandbox.state(), sort_keys=True))
    assert states[0] == states[1]


def test_webinars_that_are_seeded_again_keep_what_they_have(world: World) -> None:
    world.seed({"email": AINO})
    world.seed({"email": "toinen@kuviteltu.example"})
    assert len(world.webinar.registrants) == 2
    assert len(world.webinar.custom_questions) == 3
    assert world.webinar.topic == "Syksyn webinaari"
