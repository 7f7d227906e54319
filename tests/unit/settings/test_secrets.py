"""Where secrets come from, and that they go nowhere else."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import traceback
from pathlib import Path

import pytest
from support.settings_world import BASE, ENVIRON, Load, Mistakes, Spoil

from hub.settings import ConfigError, load

KEY = base64.b64encode(bytes(range(32))).decode()
TOKEN = 'settings: {token: "${CRM_TOKEN}"}'


def with_token(value: str) -> str:
    return BASE.replace(TOKEN, f"settings:\n      token: {value}")


def token(load_text: Load, value: str, **environ: str) -> object:
    settings = load_text(with_token(value), {**ENVIRON, **environ})
    return settings.plugin_settings["crm"]["token"]


def test_variables(load_text: Load) -> None:
    assert token(load_text, "${CRM_TOKEN}") == "canary-crm-token"
    assert token(load_text, '"Bearer ${A}-${B}"', A="1", B="2") == "Bearer 1-2"
    assert token(load_text, "${NOT_THERE:-else}") == "else"
    assert token(load_text, "${EMPTY:-else}", EMPTY="") == "else"
    assert token(load_text, "'${NOT_THERE:-}'") == ""
    assert token(load_text, "a$${b}$c", b="no") == "a${b}$c"
    assert token(load_text, "${A}", A="${CRM_TOKEN} 012 true") == "${CRM_TOKEN} 012 true"
    assert token(load_text, "${A}", A="012") == "012"


def test_settings_keep_their_types(load_text: Load) -> None:
    text = with_token(
        "x\n      size: 100\n      share: 0.5\n      on: true\n      none: null\n"
        "      id: 0123\n      text: '7'\n      list: [1, b]"
    )
    assert load_text(text).plugin_settings["crm"] == {
        "token": "x",
        "size": 100,
        "share": 0.5,
        "on": True,
        "none": None,
        "id": "0123",
        "text": "7",
        "list": [1, "b"],
    }


def test_a_variable_that_is_not_set(spoil: Spoil) -> None:
    assert spoil(TOKEN, 'settings: {token: §"${CRM_TOKE}"}') == [
        "systems.crm.settings.token: the environment variable CRM_TOKE, which is not set; "
        'expected a value. Did you mean "CRM_TOKEN"?'
    ]
    assert spoil(TOKEN, 'settings: {token: §"${X}"}', {**ENVIRON, "X": ""}) == [
        "systems.crm.settings.token: the environment variable X, which is empty; expected a "
        "value. Set it before the hub starts"
    ]


def test_another_systems_token_is_never_suggested(mistakes_of: Mistakes) -> None:
    environ = {**ENVIRON, "BANGERI_HUBSPOT_TOKEN": "x"}
    (mistake,) = mistakes_of(with_token("${CROWST_HUBSPOT_TOKEN}"), environ)
    assert mistake.mend == "Set it before the hub starts"


@pytest.mark.parametrize("value", ['"${"', '"${A"', '"${A${B}}"', '"${}"', '"${a b}"', '"x ${1}"'])
def test_what_is_no_variable(mistakes_of: Mistakes, value: str) -> None:
    (mistake,) = mistakes_of(with_token(value), {**ENVIRON, "B": "canary"})
    assert mistake.expected == "${NAME} or ${NAME:-default}"
    assert "canary" not in str(mistake)


def test_secrets_file(load_text: Load, folder: Path) -> None:
    file = folder / "secrets.yaml"
    file.write_text("crm: canary-from-file\nnumber: 0012\n")
    file.chmod(0o600)
    assert token(load_text, "!secret crm") == "canary-from-file"
    assert token(load_text, "!secret number") == "0012"
    assert load_text(with_token("!secret crm")).warnings == ()


def test_a_name_that_secrets_yaml_lacks(spoil: Spoil, folder: Path) -> None:
    file = folder / "secrets.yaml"
    assert spoil(TOKEN, "settings: {token: §!secret crm}") == [
        f"systems.crm.settings.token: !secret crm; expected the file {file}. "
        "Make it: crm: the-value"
    ]
    file.write_text("crm-token: canary\n")
    assert spoil(TOKEN, "settings: {token: §!secret crm-tokn}") == [
        f"systems.crm.settings.token: !secret crm-tokn, which {file} does not have; expected "
        'crm-token. Did you mean "crm-token"?'
    ]


@pytest.mark.parametrize(
    "text",
    ["- canary\n", "a: {b: canary}\n", "a: canary\na: canary\n", "a: *canary\n", "a: 'canary\n"],
)
def test_a_broken_secrets_file_is_told_without_its_content(
    mistakes_of: Mistakes, folder: Path, text: str
) -> None:
    (folder / "secrets.yaml").write_text(text)
    mistakes = mistakes_of(with_token("!secret a"))
    assert str(folder / "secrets.yaml") in {m.place.file for m in mistakes}
    assert all("canary" not in str(m) for m in mistakes)


def test_files(load_text: Load, folder: Path) -> None:
    (folder / "tokens").mkdir()
    (folder / "tokens" / "crm").write_text("canary in a file\n")
    assert token(load_text, "!file tokens/crm") == "canary in a file"
    assert token(load_text, f"!file {folder}/tokens/crm") == "canary in a file"
    assert token(load_text, "!file ${WHERE}/crm", WHERE="tokens") == "canary in a file"


def test_a_file_that_cannot_be_read(spoil: Spoil, folder: Path) -> None:
    assert spoil(TOKEN, "settings: {token: §!file nothing}") == [
        f"systems.crm.settings.token: !file {folder / 'nothing'}: No such file or directory; "
        "expected a readable file. Paths count from the configuration's folder"
    ]
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    (folder / "huge").write_text("x" * 70_000)
    for name in ("empty", "binary", "huge"):
        (message,) = spoil(TOKEN, f"settings: {{token: §!file {name}}}")
        assert f"!file {folder / name}: " in message


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_secrets_that_others_can_read_are_warned_about(load_text: Load, folder: Path) -> None:
    (folder / "secrets.yaml").write_text("crm: x\n")
    (folder / "secrets.yaml").chmod(0o644)
    (folder / "key").write_text(KEY)
    (folder / "key").chmod(0o640)
    text = with_token("!secret crm").replace("hub:\n", "hub:\n  master_key: !file key\n")
    warnings = load_text(text).warnings
    assert len(warnings) == 2
    assert any("secrets.yaml can be read by others" in w and "chmod 600" in w for w in warnings)


def test_secrets_belong_only_where_they_are_hidden(spoil: Spoil, folder: Path) -> None:
    (folder / "secrets.yaml").write_text("a: canary\n")
    assert spoil("title: Webinar\n", "title: §!secret a\n") == [
        "projects.webinar.title: !secret; expected secrets only in a system's settings and in "
        "hub's addresses"
    ]


def test_a_system_switched_off_needs_no_secrets(load_text: Load) -> None:
    text = BASE.replace("    plugin: hubspot\n", "    plugin: hubspot\n    enabled: false\n")
    settings = load_text(text, {"MAILER_KEY": "x"})
    assert not settings.landscape.systems["crm"].enabled
    assert "token" not in settings.plugin_settings["crm"]
    with pytest.raises(ConfigError, match="MAILER_KEY"):
        load_text(text, {"CRM_TOKEN": "x"})  # the one that is on still needs its own


class TestMasterKey:
    def text(self, value: str) -> str:
        return BASE.replace("hub:\n", f"hub:\n  master_key: {value}\n")

    def test_from_the_environment(self, load_text: Load) -> None:
        settings = load_text(self.text("${MY_KEY}"), {**ENVIRON, "MY_KEY": KEY + "\n"})
        assert settings.master_key is not None
        assert settings.master_key.get_secret_value() == KEY
        assert settings.master_key_source == "environment"

    def test_from_the_environment_by_its_usual_name(self, load_text: Load) -> None:
        settings = load_text(BASE, {**ENVIRON, "HUB_MASTER_KEY": KEY})
        assert settings.master_key is not None
        assert settings.master_key_source == "environment"

    def test_from_a_file(self, load_text: Load, folder: Path) -> None:
        (folder / "master.key").write_text(KEY + "\n")
        settings = load_text(self.text("!file master.key"))
        assert settings.master_key is not None
        assert settings.master_key.get_secret_value() == KEY
        assert settings.master_key_source == "file"

    def test_absent(self, load_text: Load) -> None:
        for text in (BASE, self.text(""), self.text("${HUB_MASTER_KEY:-}")):
            settings = load_text(text)
            assert settings.master_key is None
            assert settings.master_key_source == "absent"

    def test_asked_for_but_not_there(self, mistakes_of: Mistakes) -> None:
        (mistake,) = mistakes_of(self.text("${HUB_MASTER_KEY}"))
        assert "HUB_MASTER_KEY, which is not set" in mistake.found

    def test_never_in_the_configuration_itself(self, mistakes_of: Mistakes) -> None:
        (mistake,) = mistakes_of(self.text(KEY))
        assert mistake.found == "a key in the configuration itself"
        assert (mistake.place.line, mistake.place.column) == (2, 15)
        assert KEY not in str(mistake)

    @pytest.mark.parametrize("value", ["canary", KEY[:-4], KEY + KEY, "ä" * 44, KEY[:-1] + "!"])
    def test_another_kind_of_key(self, mistakes_of: Mistakes, value: str) -> None:
        (mistake,) = mistakes_of(self.text("${K}"), {**ENVIRON, "K": value})
        assert mistake.expected == "32 bytes in base64 (44 characters)"
        assert "openssl rand -base64 32" in mistake.mend
        assert value not in str(mistake)


def test_secrets_are_in_no_repr(load_text: Load, folder: Path) -> None:
    (folder / "secrets.yaml").write_text("a: canary-secret\n")
    (folder / "file").write_text("canary-file")
    text = with_token(
        "!secret a\n      deep: {list: [!file file, {x: '${CRM_TOKEN}'}], literal: canary-literal}"
    )
    text = text.replace(
        "hub:\n", "hub:\n  master_key: ${K}\n  database: postgresql://u:canary-pw@h/hub\n"
    )
    settings = load_text(text, {**ENVIRON, "K": KEY})
    deep = settings.plugin_settings["crm"]["deep"]
    assert deep["list"][0] == "canary-file"
    assert deep["list"][1]["x"] == "canary-crm-token"
    for value in (
        settings,
        settings.plugin_settings,
        settings.plugin_settings["crm"],
        deep,
        deep["list"],
        settings.master_key,
        copy.deepcopy(deep),
        pickle.loads(pickle.dumps(deep)),
    ):
        assert "canary" not in repr(value)
        assert "canary" not in str(value)
        assert KEY not in repr(value)
    assert repr(deep) == "<hidden: list, literal>"


def test_secrets_are_in_no_error(load_text: Load, folder: Path) -> None:
    """Every place gets a secret that does not belong there; nothing of it may come back."""
    (folder / "secrets.yaml").write_text("a: canary-secret\n")
    (folder / "file").write_text("canary-file")
    environ = {**ENVIRON, "C": "canary-env", "N": "canary-env"}
    lines = BASE.splitlines(keepends=True)
    seen = 0
    for reference in ('"${C}"', '"x ${C} y"', "!secret a", "!file file"):
        for index, line in enumerate(lines):
            name, colon, _ = line.partition(": ")
            if not colon:
                continue
            for spoilt in (
                f"{name}: {reference}\n",
                f"{name}: [{reference}]\n",
                f"{name}: {{x: {reference}}}\n",
                line.replace("[", f"[{reference}, "),
            ):
                text = "".join([*lines[:index], spoilt, *lines[index + 1 :]])
                try:
                    settings = load_text(text, environ)
                except ConfigError as error:
                    seen += 1
                    told = "".join(traceback.format_exception(error)) + repr(error)
                    assert "canary" not in told, (spoilt, told)
                    assert error.__context__ is None
                else:
                    assert "canary" not in repr(settings.plugin_settings)
    assert seen > 300


@pytest.mark.parametrize("value", ["always", "crowst", "190/10s", "2026-09-01", "consent"])
def test_a_token_pasted_in_the_wrong_place_is_not_repeated(
    mistakes_of: Mistakes, value: str
) -> None:
    pasted = "pat-na1-0a1b2c3d-4e5f-6789-abcd-ef0123456789"
    for mistake in mistakes_of(
        BASE.replace(f": {value}", f": {pasted}").replace(f"[{value}", f"[{pasted}")
    ):
        assert pasted not in str(mistake)


def test_a_folder_reads_secrets_beside_its_files(folder: Path) -> None:
    (folder / "hub.yaml").write_text(with_token("!secret crm"))
    (folder / "secrets.yaml").write_text("crm: x\n")
    assert load(folder, ENVIRON).plugin_settings["crm"]["token"] == "x"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TOKEN, "settings: canary"),
        (TOKEN, "settings: [canary]"),
        ("hub:\n", "hub:\n  master_key: [canary]\n"),
        ("hub:\n", "hub:\n  database: {canary: canary}\n"),
        ("hub:\n", "hub:\n  keys: canary\n"),
    ],
)
def test_what_stands_where_secrets_belong_is_never_repeated(
    mistakes_of: Mistakes, old: str, new: str
) -> None:
    for mistake in mistakes_of(BASE.replace(old, new)):
        assert "canary" not in str(mistake)
