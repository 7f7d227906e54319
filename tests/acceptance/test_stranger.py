"""A connector written from the guide alone: it is the guide's, conforms, is found, and syncs.

That it passes the conformance suite is shown by `tests/stranger/tests/`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from support.accounts import Crm, List, open_accounts
from support.world import World, small_world

from hub.api import Capability
from hub.cli.skeleton import example, guide
from hub.connect.discovery import GROUP
from hub.connect.host import Host
from hub.sandbox_world import sandbox_config

PACKAGE = Path(__file__).parents[1] / "stranger"
LONGEST = 130  # lines of the connector that are not blank

AINO, EERO = "aino@kuviteltu.example", "eero@kuviteltu.example"


def of_the_package() -> dict[str, str]:
    return {
        str(file.relative_to(PACKAGE)): file.read_text(encoding="utf-8")
        for file in PACKAGE.rglob("*")
        if file.is_file()
        and not {"__pycache__", ".pytest_cache"} & set(file.relative_to(PACKAGE).parts)
    }


def test_the_guide_contains_it_whole() -> None:
    shown = example(guide().read_text(encoding="utf-8"))
    assert shown == of_the_package(), "guide and package are changed together, byte for byte"


def test_it_is_about_a_hundred_lines() -> None:
    lines = (PACKAGE / "lumo_connector" / "connector.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= LONGEST


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and installed by itself into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-compile", *offline)
    done = subprocess.run(
        [*pip, "--target", str(folder), str(PACKAGE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As in an environment in which it is installed beside the hub."""
    ours = [name for name in sys.modules if name.partition(".")[0] == "lumo_connector"]
    for name in ours:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(site))
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "lumo_connector"]:
        del sys.modules[name]


def test_without_being_installed_it_is_not_there() -> None:
    with Host.load() as host:
        assert "lumo" not in host.types


def test_it_is_found_through_its_own_entry_point(installed: Path) -> None:
    (entry,) = [one for one in entry_points(group=GROUP) if one.name == "lumo"]
    assert entry.dist is not None
    assert entry.dist.name == "lumo-connector"
    with Host.load() as host:
        assert host.problems == ()
        assert host.types["lumo"].capabilities == {
            Capability.READ,
            Capability.WRITE,
            Capability.WRITE_CONSENTS,
        }
    assert Path(sys.modules["lumo_connector"].__file__ or "").is_relative_to(installed)
    assert (installed / "lumo_connector" / "quality.yaml").is_file()


def configured() -> str:
    """The sandbox world with the guide's own example of a system in it."""
    (snippet,) = [
        block.partition("```")[0]
        for block in guide().read_text(encoding="utf-8").split("```yaml\nsystems:\n")[1:]
    ]
    text = sandbox_config().read_text(encoding="utf-8")
    assert "\nsystems:\n" in text
    return text.replace("\nsystems:\n", f"\nsystems:\n{snippet}\n")


@pytest.fixture
def world(installed: Path, tmp_path: Path) -> Iterator[World]:
    """The four systems of the two companies, and Crowst's Lumo; all empty."""
    config = tmp_path / "config" / "with-lumo.yaml"
    config.parent.mkdir()
    config.write_text(configured(), encoding="utf-8")
    with small_world(tmp_path / "home", config=config, environ={"LUMO_TOKEN": "lumo"}) as made:
        open_accounts(made)
        made.sandbox("crowst-lumo").seed(
            {"tokens": ["lumo"], "fields": ["name", "title"], "topics": {"news": "Lumon uutiset"}}
        )
        yield made


def said(world: World, email: str) -> Any:
    """The answer that Lumo holds of a person's wish."""
    person = world.sandbox("crowst-lumo").holding(email)
    return person and person["wishes"].get("news", {}).get("answer")


def test_it_syncs_beside_other_systems(world: World) -> None:
    lumo = world.sandbox("crowst-lumo")
    crm, mailer = Crm(world, "crowst"), List(world, "crowst-uutiset")
    aino = lumo.add({"email": AINO, "name": "Mäkelä", "title": "Myyjä"})
    lumo.wish(aino, "news", "yes", "form")
    crm.add(EERO, last_name="Niemi", job_title="Ostaja")
    crm.subscribes(EERO, "1001")
    assert world.deployment.systems["crowst-lumo"].connector.check() == []
    assert world.sync()

    # people and their consents go both ways
    assert crm.value(AINO, "last_name") == "Mäkelä"
    assert mailer.status(AINO) == "subscribed"
    assert lumo.holding(EERO)["fields"] == {"email": EERO, "name": "Niemi", "title": "Ostaja"}
    assert said(world, EERO) == "yes"

    # so does a changed value, and above all a refusal
    world.clock.advance(3600)
    lumo.edit(aino, {"title": "Johtaja"})
    crm.withdraws(EERO, "1001")
    assert world.sync(full=True)
    assert crm.value(AINO, "job_title") == "Johtaja"
    assert said(world, EERO) == "no"
    world.clock.advance(3600)
    lumo.wish(aino, "news", "no", "form")
    assert world.sync()
    assert mailer.status(AINO) == "unsubscribed"

    # then all is said, and no project lets anything over to the other company
    world.clock.advance(3600)
    before = world.writes()
    assert world.sync()
    assert world.writes() == before
    assert world.sandbox("bangeri-crm").account.contacts == {}
