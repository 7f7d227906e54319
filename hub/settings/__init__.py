"""The configuration: one YAML file or a folder of them, secrets from elsewhere.

    settings = load(Path("config/hub.yaml"), os.environ)
    settings.landscape.systems["crowst-crm"]
    settings.where("systems", "crowst-crm", "settings", "token")   # "config/hub.yaml:41:7"

`load` raises ConfigError with every mistake it finds, each with file, line, column, the path of
keys, what was found and what was expected. Secret values are in no message and no repr.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from hub.api import Rate
from hub.domain.landscape import Landscape
from hub.settings.build import build_landscape, rates
from hub.settings.checks import (
    Checker,
    check_controllers,
    check_fields,
    check_hub,
    check_projects,
    check_purposes,
    check_rights,
    check_system,
    check_web,
)
from hub.settings.kinds import address
from hub.settings.mapping import check_streams
from hub.settings.mistakes import ConfigError, Mistake, Place, without
from hub.settings.model import WebConfig
from hub.settings.secrets import SECRETS_FILE, Secrets
from hub.settings.shape import Document, understand
from hub.settings.tree import Reader, Tree

__all__ = ["ConfigError", "Hidden", "Log", "Mistake", "Place", "Settings", "Web", "load"]

MASTER_KEY_VARIABLE = "HUB_MASTER_KEY"
_KEY_EXPECTED = "32 bytes in base64 (44 characters)"
_KEY_MEND = "Make one with: openssl rand -base64 32"

KeySource = Literal["environment", "file", "absent"]


class Hidden(dict[str, Any]):
    """A mapping with secrets in it: an ordinary one, but its repr names only the keys."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__({name: _hide(value) for name, value in dict(values).items()})

    def __repr__(self) -> str:
        return f"<hidden: {', '.join(self)}>"


class HiddenList(list[Any]):
    """A list with secrets in it."""

    def __repr__(self) -> str:
        return f"<hidden: {len(self)} items>"


def _hide(value: Any) -> Any:
    if isinstance(value, dict):
        return Hidden(value)
    return HiddenList(map(_hide, value)) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Log:
    """How the hub tells what it does."""

    format: Literal["pretty", "json"] = "pretty"
    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class Web:
    """Where the admin endpoint listens, and how it shows who it is."""

    enabled: bool
    host: str
    port: int  # 0: a free one
    hosts: tuple[str, ...]
    certificate: Path | None  # absolute; None: a local one is made
    key: Path | None


@dataclass(frozen=True)
class Settings:
    """Everything that the configuration says, checked and resolved."""

    landscape: Landscape
    home: Path  # absolute: the folder from which relative database files are counted
    database: str = field(repr=False)  # absolute SQLite files; PostgreSQL with driver psycopg
    keys: str = field(repr=False)
    engine: str = field(repr=False)
    master_key: SecretStr | None  # 32 bytes in base64; None: to be made at the first start
    master_key_source: KeySource
    log: Log
    web: Web
    plugin_settings: Mapping[str, Mapping[str, Any]]  # system -> the plugin's own, secrets filled
    rates: Mapping[str, Mapping[str, Rate]]  # system -> bucket of ConnectorType.limits -> rate
    files: tuple[Path, ...]  # what was read, in order
    warnings: tuple[str, ...]  # for `hub check`: secrets that others can read, ended projects
    _places: Tree = field(repr=False, compare=False)  # without values

    def where(self, *path: str | int) -> str:
        """ "file:line:column" of a key, or of the nearest one above it that is written.

        For later mistakes, which only a plugin or its vendor can find:
        `where("systems", "crowst-crm", "streams", "contacts", "fields", "first_name")`.
        """
        return str(self._places.place(path))


def load(path: Path, environ: Mapping[str, str], *, today: date | None = None) -> Settings:
    """Read, resolve and check a configuration file, or a folder's *.yaml files.

    In a folder `secrets.yaml` and files that end in `.example.yaml` are passed over; sections
    that several files have are joined entry by entry. `today` (Helsinki) adds warnings about
    joint systems whose project has ended. Raises ConfigError.
    """
    mistakes: list[Mistake] = []
    files = _files(path, mistakes)
    folder = (path if path.is_dir() else path.parent).resolve()
    secrets = Secrets(folder, environ, mistakes=mistakes)
    reader = Reader(secrets, mistakes)
    before = len(mistakes)
    for file in files:
        reader.read(file)
    tree = reader.tree
    if not files or any(not m.path for m in mistakes[before:]):
        # a file is not there as a whole: what the others lack would only be noise
        raise ConfigError(without(mistakes, tree.secrets))
    document = understand(tree, mistakes)
    check = Checker(document, tree, mistakes)
    home = (folder / document.hub.home).resolve()
    databases, warnings = _check(check, home, today)
    key, source = _master_key(check, document, environ)
    if mistakes:
        raise ConfigError(without(mistakes, tree.secrets))
    return Settings(
        landscape=build_landscape(document, check),
        home=home,
        database=databases["database"],
        keys=databases["keys"],
        engine=databases["engine"],
        master_key=key,
        master_key_source=source,
        log=Log(document.hub.log.format, document.hub.log.level),
        web=_web(document.web, home),
        plugin_settings={name: Hidden(one.settings) for name, one in document.systems.items()},
        rates={name: rates(one) for name, one in document.systems.items()},
        files=tuple(files),
        warnings=(*secrets.warnings, *warnings),
        _places=Tree(places=tree.places, files=tree.files),
    )


def _files(path: Path, mistakes: list[Mistake]) -> list[Path]:
    """The files to read, in the order of their names."""
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.glob("*.yaml")
        if file.name != SECRETS_FILE and not file.name.endswith(".example.yaml")
    )
    if not files:
        place = Place(str(path), 1, 1)
        mend = "Copy config/hub.example.yaml there as hub.yaml and fill it in"
        mistakes.append(Mistake(place, "", "a folder without configuration", "*.yaml files", mend))
    return files


def _check(check: Checker, home: Path, today: date | None) -> tuple[dict[str, str], list[str]]:
    """Everything that must agree. The databases' addresses, and warnings."""
    warnings: list[str] = []
    databases = check_hub(check, home)
    check_web(check)
    check_controllers(check)
    check_purposes(check)
    warnings += check_fields(check)
    check_projects(check)
    check_rights(check)
    for name, system in check.document.systems.items():
        warnings += check_system(check, name, system, today)
        check_streams(check, name, system)
    return databases, warnings


def _web(web: WebConfig, home: Path) -> Web:
    return Web(
        enabled=web.enabled,
        host=address(web.listen)[0],
        port=address(web.listen)[1],
        hosts=tuple(web.hosts),
        certificate=(home / web.certificate).resolve() if web.certificate else None,
        key=(home / web.key).resolve() if web.key else None,
    )


def _master_key(
    check: Checker, document: Document, environ: Mapping[str, str]
) -> tuple[SecretStr | None, KeySource]:
    """The master key and where it is kept. It is never taken from the configuration itself."""
    path = ("hub", "master_key")
    key = document.hub.master_key
    if path in check.tree.broken:
        return None, "absent"
    if key is None or not key.get_secret_value():
        key = SecretStr(environ.get(MASTER_KEY_VARIABLE, ""))
        if path in check.tree.hidden or not key.get_secret_value():
            return None, "absent"
        source: KeySource = "environment"
    elif path not in check.tree.hidden:
        mend = f"Move it to the environment or a file: ${{{MASTER_KEY_VARIABLE}}} or !file path"
        check.wrong(path, "a key in the configuration itself", "a reference", mend)
        return None, "absent"
    else:
        source = "environment" if check.tree.sources[path] == "environment" else "file"
    text = key.get_secret_value().strip()
    # while a rotation is under way several stand there, as `version:base64`
    if not text or not all(map(_is_key, text.split())):
        where = f"{MASTER_KEY_VARIABLE} of the environment" if source == "environment" else "a file"
        check.wrong(path, f"another kind of key, from {where}", _KEY_EXPECTED, _KEY_MEND)
    return SecretStr(text), source


def _is_key(word: str) -> bool:
    version, colon, encoded = word.rpartition(":")
    try:
        size = len(base64.b64decode(encoded, validate=True))
    except ValueError:  # binascii.Error is one; so are letters beyond ASCII
        return False
    return size == 32 and (not colon or version.isdecimal())
