"""YAML itself: syntax, duplicates, anchors, folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.settings_world import BASE, ENVIRON, Load, Mistakes, Spoil

from hub.domain.landscape import Direction
from hub.settings import ConfigError, load


def sections() -> dict[str, str]:
    """The base cut at its top-level keys."""
    cut: dict[str, str] = {}
    name = ""
    for line in BASE.splitlines(keepends=True):
        if not line.startswith(" "):
            name = line.split(":")[0]
        cut[name] = cut.get(name, "") + line
    return cut


def messages(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, ENVIRON)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_folder_is_joined_by_section_and_entry(folder: Path) -> None:
    cut = sections()
    crm, mailer = cut["systems"].split("  mailer:\n")
    (folder / "a.yaml").write_text("".join(v for k, v in cut.items() if k != "systems") + crm)
    (folder / "b.yaml").write_text("systems:\n  mailer:\n" + mailer)
    (folder / "c.example.yaml").write_text("not: looked at")
    (folder / "secrets.yaml").write_text("neither: this\n")
    (folder / "notes.txt").write_text("nor: this")
    settings = load(folder, ENVIRON)
    assert list(settings.landscape.systems) == ["crm", "mailer"]
    assert settings.files == (folder / "a.yaml", folder / "b.yaml")
    assert settings.where("systems", "mailer", "plugin") == f"{folder / 'b.yaml'}:3:5"


def test_an_entry_in_two_files_names_both_places(folder: Path) -> None:
    (folder / "a.yaml").write_text(BASE)
    (folder / "b.yaml").write_text("purposes:\n\n  newsletter: {}\nhub: {mailboxes: [x]}\n")
    assert messages(folder) == [
        f"{folder / 'b.yaml'}:3:3: purposes.newsletter: a second entry of this name; expected "
        f"one. The first is at {folder / 'a.yaml'}:7:3",
        f"{folder / 'b.yaml'}:4:7: hub.mailboxes: a second entry of this name; expected one. "
        f"The first is at {folder / 'a.yaml'}:2:3",
    ]


def test_an_empty_section_may_be_filled_by_another_file(folder: Path) -> None:
    cut = sections()
    (folder / "a.yaml").write_text(
        "".join(v for k, v in cut.items() if k != "projects") + "projects:\n"
    )
    (folder / "b.yaml").write_text(cut["projects"])
    assert list(load(folder, ENVIRON).landscape.projects) == ["webinar"]


def test_a_folder_without_configuration(folder: Path) -> None:
    (folder / "hub.example.yaml").write_text(BASE)
    (message,) = messages(folder)
    assert "a folder without configuration; expected *.yaml files" in message
    assert "hub.example.yaml" in message


def test_a_file_that_is_not_there(folder: Path) -> None:
    assert messages(folder / "hub.yaml") == [
        f"{folder / 'hub.yaml'}:1:1: No such file or directory; expected a readable file"
    ]


def test_an_empty_file_lacks_everything(mistakes_of: Mistakes) -> None:
    assert [(m.path, m.found) for m in mistakes_of("# nothing yet\n")] == [
        ("controllers", "missing"),
        ("fields", "missing"),
        ("systems", "missing"),
    ]


def test_a_duplicate_key_names_both_places(spoil: Spoil, folder: Path) -> None:
    assert spoil("    plugin: hubspot\n", "    plugin: hubspot\n    §plugin: mailer\n") == [
        "systems.crm.plugin: a second entry of this name; expected one. The first is at "
        f"{folder / 'hub.yaml'}:36:5"
    ]


def test_two_mappings_of_one_hub_field(spoil: Spoil) -> None:
    (message,) = spoil(
        "first_name: firstname", "first_name: firstname\n          §first_name: nick"
    )
    assert message.startswith(
        "systems.crm.streams.contacts.fields.first_name: a second entry of this name"
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("hub:\n\tlog: {}\n", 2, 1, "Indent with spaces, not tabs"),
        ("hub: {home: ${HOME}}\n", 1, 14, "put quotes around a value with ${…}"),
        ("hub:\n  home: @x\n", 2, 9, "needs quotes"),
        ("hub:\n  home: a: b\n", 2, 10, "needs quotes"),
        ("hub: [\n", 2, 1, "no valid YAML"),
        ("hub: {}\n---\nhub: {}\n", 2, 1, "no valid YAML"),
        ("- hub\n", 1, 1, "no mapping"),
        ("hub: {}\n? [a]\n: b\n", 2, 3, "a key that is no text"),
        ("hub: \x01\n", 1, 6, "a control character"),
    ],
)
def test_syntax(mistakes_of: Mistakes, text: str, line: int, column: int, part: str) -> None:
    (mistake,) = mistakes_of(text)
    assert (mistake.place.line, mistake.place.column) == (line, column)
    assert part in str(mistake)


def test_a_file_in_another_encoding(folder: Path) -> None:
    (folder / "hub.yaml").write_bytes("hub: {}\n# Bängeri\n".encode("latin-1"))
    (message,) = messages(folder)
    assert f"{folder / 'hub.yaml'}:2:4: a byte that is no UTF-8" in message


def test_a_byte_order_mark_is_passed_over(folder: Path) -> None:
    (folder / "hub.yaml").write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load(folder, ENVIRON).landscape.systems


def test_what_a_syntax_error_stands_on_is_not_repeated(mistakes_of: Mistakes) -> None:
    for text in (
        "systems: {a: {settings: {token: *canary-secret}}}",
        "systems:\n  a:\n    settings:\n      token: *canary-secret\n",
        "systems:\n  a:\n    settings:\n      token: !canary-secret x\n",
        "systems:\n  a:\n    settings:\n      token: !canary!secret x\n",
        "systems:\n  a:\n    settings:\n      token: canary: secret\n",
        'systems:\n  a:\n    settings:\n      token: "canary\\qsecret"\n',
        "systems:\n  a:\n    settings:\n      token: 'canary secret\n",
    ):
        assert all("canary" not in str(mistake) for mistake in mistakes_of(text)), text


def test_anchors_and_merges(load_text: Load) -> None:
    text = BASE.replace(
        "    streams:\n      contacts:\n        create: always\n        fields:\n",
        "    streams:\n      contacts:\n        create: always\n        fields:\n"
        "          <<: *names\n",
    ).replace("          first_name: firstname\n", "")
    text = "x-shelf: &names {first_name: firstname, lifecycle: never-used}\n" + text
    settings = load_text(text)
    maps = {one.hub: one for one in settings.landscape.systems["crm"].streams[0].fields}
    assert maps["first_name"].vendor == "firstname"
    assert maps["lifecycle"].vendor == "lifecyclestage"  # its own entry wins over the merged one
    assert maps["lifecycle"].direction is Direction.READ


def test_an_anchor_inside_itself(mistakes_of: Mistakes) -> None:
    found = mistakes_of(BASE.replace("mailboxes: [info]", "mailboxes: &a [info, *a]"))
    assert "hub.mailboxes[1]: an anchor inside itself" in str(found[0])


def test_a_mistake_in_a_shared_part_is_told_once_for_each_use(mistakes_of: Mistakes) -> None:
    text = "x-guard: &guard {floor: many}\n" + BASE.replace(
        "    plugin: hubspot\n", "    plugin: hubspot\n    guard: *guard\n"
    ).replace("    plugin: mailer\n", "    plugin: mailer\n    guard: *guard\n")
    found = mistakes_of(text)
    assert [m.path for m in found] == ["systems.crm.guard.floor", "systems.mailer.guard.floor"]
    assert {m.place.line for m in found} == {1}


def test_only_true_and_false_are_booleans(load_text: Load) -> None:
    text = BASE.replace("country: FI", "country: NO")
    assert load_text(text).landscape.systems["mailer"].country == "NO"


def test_where_points_at_the_nearest_written_key(load_text: Load, folder: Path) -> None:
    settings = load_text()
    lines = BASE.splitlines()
    crm = lines.index("  crm:") + 1
    file = folder / "hub.yaml"
    assert settings.where("systems", "crm") == f"{file}:{crm}:3"
    assert settings.where("systems", "crm", "settings", "token") == f"{file}:{crm + 5}:16"
    assert settings.where("systems", "crm", "settings", "base_url") == f"{file}:{crm + 5}:5"
    topic = settings.where("systems", "crm", "streams", "contacts", "topics", 0)
    assert topic == f"{file}:{lines.index('          - {topic: 1001, purpose: newsletter}') + 1}:13"
    assert settings.where("nothing", "of", "this") == f"{file}:1:1"
