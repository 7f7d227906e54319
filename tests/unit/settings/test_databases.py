from __future__ import annotations

from pathlib import Path

import pytest
from support.settings_world import BASE, ENVIRON, Load, Mistakes

from hub.settings.databases import resolve_database, same_database


def hub(*lines: str) -> str:
    return BASE.replace("hub:\n", "hub:\n" + "".join(f"  {line}\n" for line in lines))


def test_by_default_three_files_beside_the_configuration(
    load_text: Load, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where the command is started makes no difference
    settings = load_text()
    assert settings.home == folder
    assert settings.database == f"sqlite:///{folder}/var/hub.db"
    assert settings.keys == f"sqlite:///{folder}/var/keys.db"
    assert settings.engine == f"sqlite:///{folder}/var/engine.db"


def test_home_counts_from_the_configuration(load_text: Load, folder: Path, tmp_path: Path) -> None:
    settings = load_text(hub("home: ..", "keys: sqlite:////srv/keys.db?timeout=5"))
    assert settings.home == folder.parent
    assert settings.database == f"sqlite:///{folder.parent}/var/hub.db"
    assert settings.keys == "sqlite:////srv/keys.db?timeout=5"
    settings = load_text(hub('home: "${H}"'), {**ENVIRON, "H": str(tmp_path / "elsewhere")})
    assert settings.database == f"sqlite:///{tmp_path}/elsewhere/var/hub.db"


def test_postgresql_gets_the_driver_that_the_hub_uses(load_text: Load) -> None:
    settings = load_text(
        hub(
            "database: postgres://h/hub",
            "keys: postgresql+psycopg://h/keys",
            "engine: postgresql://h/hub",
        )
    )
    assert settings.database == settings.engine == "postgresql+psycopg://h/hub"


@pytest.mark.parametrize(
    "url",
    [
        "hub.db",
        "sqlite:hub.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "sqlite://hub.db",
        "mysql://h/x",
        "postgresql+asyncpg://h/x",
        "postgresql://h",
        "postgresql://h:port/x",
        "postgresql://[",
    ],
)
def test_what_is_no_address(url: str, mistakes_of: Mistakes) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///file\.db or postgresql") as caught:
        resolve_database(url, Path("/home"))
    assert url not in str(caught.value).removeprefix("sqlite:///file.db")
    (mistake,) = mistakes_of(hub(f'database: "{url}"'))
    assert mistake.path == "hub.database"
    assert mistake.place.line == 2


@pytest.mark.parametrize(
    ("lines", "at", "found"),
    [
        (["keys: sqlite:///var/hub.db"], "hub.keys", "the same database as hub.database"),
        (["database: sqlite:///var/keys.db"], "hub.database", "the same database as hub.keys"),
        (
            ["keys: sqlite:///./var/../var/hub.db?timeout=1"],
            "hub.keys",
            "the same database as hub.database",
        ),
        (["engine: sqlite:///var/hub.db"], "hub.engine", "the same database as hub.database"),
        (["engine: sqlite:///var/keys.db"], "hub.engine", "the same database as hub.keys"),
        (
            ["database: postgresql://a:canary@h/hub", "keys: postgresql+psycopg://b@H:5432/hub"],
            "hub.keys",
            "the same database as hub.database",
        ),
    ],
)
def test_no_database_doubles_as_another(
    mistakes_of: Mistakes, lines: list[str], at: str, found: str
) -> None:
    (mistake,) = mistakes_of(hub(*lines))
    assert (mistake.path, mistake.found) == (at, found)
    assert "canary" not in str(mistake)


def test_one_server_may_hold_several_databases() -> None:
    assert not same_database("postgresql+psycopg://h/a", "postgresql+psycopg://h/b")
    assert not same_database("postgresql+psycopg://h:1/a", "postgresql+psycopg://h:2/a")
    assert not same_database("sqlite:////a", "postgresql+psycopg:///a")
    assert same_database(
        "postgresql+psycopg:///a?host=%2Frun", "postgresql+psycopg:///a?host=%2Frun"
    )
