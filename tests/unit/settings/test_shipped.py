"""The files in config/ are right, and say what the sandbox world and the operator need."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.world import VARIABLES

from hub.domain.landscape import CreatePolicy, Effect, Ground, MemberRule
from hub.settings import ConfigError, Settings, load
from hub.settings.model import RootConfig
from hub.settings.schema import schema, schema_text
from hub.settings.values import DURATION_PATTERN

CONFIG = Path(__file__).parents[3] / "config"
SANDBOX = {
    f"SANDBOX_{name}_URL": f"http://127.0.0.1:{port}/{name.lower()}"
    for port, name in enumerate(VARIABLES, 1)
}
OPERATOR = {
    "CROWST_HUBSPOT_TOKEN": "canary-1",
    "BANGERI_HUBSPOT_TOKEN": "canary-2",
    "CROWST_MAILCHIMP_KEY": "canary-3-us1",
}


@pytest.fixture(scope="module")
def sandbox() -> Settings:
    return load(CONFIG / "sandbox.yaml", SANDBOX)


@pytest.fixture(scope="module")
def example() -> Settings:
    return load(CONFIG / "hub.example.yaml", OPERATOR)


def test_the_sandbox_world(sandbox: Settings) -> None:
    land = sandbox.landscape
    assert {name: one.plugin for name, one in land.systems.items()} == {
        "crowst-crm": "hubspot",
        "bangeri-crm": "hubspot",
        "crowst-mailer": "mailer",
        "bangeri-mailer": "mailer",
        "joint-webinar": "webinar",
    }
    assert land.purposes["profiling"].grounds == {Ground.CONSENT}
    assert {one.schedule.every for one in land.systems.values()} == {timedelta(seconds=30)}
    assert {one.guard.change_share for one in land.systems.values()} == {1.0}
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    live, ended = land.projects["webinaari-syksy-2026"], land.projects["messut-kevat-2025"]
    assert live.live(at)
    assert not ended.live(at)
    assert live.systems == set(land.systems)
    assert ended.systems == live.systems - {"joint-webinar"}
    assert MemberRule("joint-webinar") in live.members
    assert MemberRule("crowst-crm", "projects", live.id) in live.members
    assert MemberRule("bangeri-mailer", "tags", live.id) in live.members
    assert "tags" not in live.fields  # what makes a member does not cross by itself
    assert "phone" not in live.fields
    crm = land.systems["bangeri-crm"].stream("contacts")
    assert crm.create is CreatePolicy.ALWAYS
    assert {one.hub: one.vendor for one in crm.fields}["projects"] == "hub_projects"
    opt_out = crm.topics[-1]
    assert (opt_out.topic, opt_out.yes_counts) == ("*", False)
    assert opt_out.effects == (Effect("bangeri", "newsletter"), Effect("bangeri", "events"))
    members = land.systems["crowst-mailer"].stream("members")
    assert members.scopes == ("crowst-uutiset", "crowst-tapahtumat")
    assert members.create is CreatePolicy.PERMITTED
    webinar = land.systems["joint-webinar"]
    assert (webinar.project, webinar.controllers) == (live.id, ("crowst", "bangeri"))
    registrants = webinar.stream("registrants")
    assert not registrants.direction.writes
    asked = [one.effects for one in registrants.topics_of("91000000002")]
    assert asked == [
        (Effect("crowst", "newsletter"),),
        (Effect("bangeri", "newsletter"),),
        (Effect("crowst", "profiling"), Effect("bangeri", "profiling")),
    ]
    needs = {
        one.kind: one.needs
        for system in land.systems.values()
        for stream in system.streams
        for one in stream.activities
    }
    profiling = {kind for kind, need in needs.items() if need == "profiling"}
    assert profiling == {"mail-opened", "mail-clicked", "poll"}
    assert sandbox.plugin_settings["crowst-mailer"] == {
        "provider": "mailchimp",
        "api_key": "sandbox-crowst-mailer-us1",
        "base_url": SANDBOX["SANDBOX_CROWST_MAILER_URL"],
    }
    assert sandbox.database == f"sqlite:///{CONFIG.parent}/var/sandbox/hub.db"


def test_the_sandbox_can_live_elsewhere(tmp_path: Path) -> None:
    settings = load(CONFIG / "sandbox.yaml", {**SANDBOX, "HUB_HOME": str(tmp_path)})
    assert settings.keys == f"sqlite:///{tmp_path}/var/sandbox/keys.db"


def test_the_example_is_for_real_accounts(example: Settings) -> None:
    land = example.landscape
    assert {c.business_id for c in land.controllers.values()} == {"2718808-2", "3012129-2"}
    assert example.plugin_settings["crowst-crm"]["token"] == "canary-1"
    for name, settings in example.plugin_settings.items():
        assert "base_url" not in settings, f"{name} should talk to the vendor itself"
    assert not land.systems["bangeri-mailer"].enabled
    members = land.systems["crowst-mailer"].stream("members")
    assert {one.kind: one.needs for one in members.activities} == {
        "mail-sent": None,
        "mail-opened": "profiling",
        "mail-clicked": "profiling",
    }
    assert example.master_key is None
    assert "canary" not in repr(example)


def test_the_example_says_which_variables_it_needs() -> None:
    with pytest.raises(ConfigError) as caught:
        load(CONFIG / "hub.example.yaml", {})
    told = str(caught.value)
    assert all(name in told for name in OPERATOR)
    assert len(caught.value.mistakes) == len(OPERATOR)


def test_the_examples_hints_work_when_uncommented(tmp_path: Path) -> None:
    """A hint in a comment that would be a mistake is worse than none."""
    text = (CONFIG / "hub.example.yaml").read_text()
    hints = re.findall(r"^ *# (- \{(?:topic|ground):.*\})$", text, flags=re.MULTILINE)
    assert len(hints) == 2
    for hint in hints:
        text = text.replace(f"# {hint}", hint)
    (tmp_path / "hub.yaml").write_text(text)
    contacts = load(tmp_path, OPERATOR).landscape.systems["crowst-crm"].stream("contacts")
    assert len(contacts.topics) == 4
    assert {rule.ground for rule in contacts.grounds} == {Ground.CUSTOMER, Ground.WORK_ROLE}


@pytest.mark.parametrize("name", ["sandbox.yaml", "hub.example.yaml"])
def test_editors_find_the_schema(name: str) -> None:
    first = (CONFIG / name).read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=hub.schema.json"


def test_the_schema_file_is_current() -> None:
    assert (CONFIG / "hub.schema.json").read_text() == schema_text(), (
        "write it anew: python -m hub.settings.schema > config/hub.schema.json"
    )


def test_every_key_of_the_schema_has_help() -> None:
    for name, part in [("", schema()), *schema()["$defs"].items()]:
        for key, value in part.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"


def test_the_schema_knows_the_short_forms() -> None:
    made = schema()
    assert set(made["properties"]) == set(RootConfig.model_fields)
    assert "required" not in made
    defs = made["$defs"]
    short = defs["StreamConfig"]["properties"]["fields"]["additionalProperties"]["anyOf"]
    assert {"$ref": "#/$defs/FieldMapConfig"} in short
    assert any(one.get("type") == ["string", "integer"] for one in short)
    assert defs["StreamConfig"]["properties"]["full_every"]["pattern"] == DURATION_PATTERN
    assert defs["TopicConfig"]["additionalProperties"] is False
    json.dumps(made)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_the_shipped_files_give_no_warning(sandbox: Settings, example: Settings) -> None:
    assert sandbox.warnings == example.warnings == ()
