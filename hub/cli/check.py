"""`hub check`"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from hub.api import Misconfigured
from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, command, settings_of
from hub.cli.show import cells, out, print_json, progress, table, when
from hub.connect.host import Host
from hub.delivery.deployment import Opened
from hub.domain.landscape import System
from hub.opening import (
    FOREIGN_KEYS,
    MISSING_MEND,
    examine,
    master_keys,
    missing,
    now,
    open_vault,
    trouble_of,
)
from hub.settings import Settings
from hub.store import subjects
from hub.store.schema import check_current, open_store, revision
from hub.vault import Vault, VaultError
from hub.vault.database import (
    DatabaseUnusable,
    Engine,
    SQLAlchemyError,
    in_words,
    read_only,
    sqlite_path,
)
from hub.vault.placement import placement_warnings

app = typer.Typer()

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_MARKS = {OK: "[green]✓[/]", WARNING: "[yellow]![/]", PROBLEM: "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer."""

    about: str
    state: str  # ok, warning, problem
    found: str
    mend: str = ""
    place: str = ""


@app.command()
@command
def check(
    config: ConfigOption = None, sandbox: SandboxOption = False, json: JsonOption = False
) -> None:
    """Check everything that a run needs, without changing anything at a vendor.

    Configuration, master key and where it is kept, databases, plugins, and for every system its
    token, the token's scopes, and each field, topic and scope that the configuration names.

    Exits with 1 where something has to be mended, 2 where the configuration cannot be read.
    """
    settings = settings_of(config, sandbox=sandbox)
    findings = [
        Finding("configuration", OK, f"{', '.join(str(one) for one in settings.files)} reads well"),
        *(Finding("configuration", WARNING, one) for one in settings.warnings),
        *_key(settings),
        *_database(settings),
    ]
    with Host.load() as host:
        findings += [
            Finding(f"plugin {one.plugin}", PROBLEM, one.message, one.mend) for one in host.problems
        ]
        findings += _systems(settings, host, quiet=json)
    bad = any(one.state == PROBLEM for one in findings)
    if json:
        print_json({"ok": not bad, "findings": findings})
    else:
        _print(findings, bad=bad)
    if bad:
        raise typer.Exit(Code.FAILED)


def _key(settings: Settings) -> list[Finding]:
    try:
        keys = master_keys(settings)
    except VaultError as error:
        return [Finding("master key", PROBLEM, str(error))]
    found = [Finding("master key", OK, f"version {keys.current}, from {_source(settings)}")]
    try:
        with Vault(settings.keys, keys, now) as vault:
            status = vault.status()
    except (VaultError, DatabaseUnusable) as error:
        return [Finding("master key", PROBLEM, str(error))]
    except SQLAlchemyError as error:
        said, mend = in_words(error)
        return [Finding("key store", PROBLEM, said, mend, settings.where("hub", "keys"))]
    if status.master_kept_at is None:
        found.append(
            Finding(
                "master key",
                PROBLEM,
                "nobody has confirmed that it is also kept elsewhere; without it all data is lost",
                "put a copy into a safe place, then: hub keys confirm-kept",
            )
        )
    else:
        found.append(
            Finding(
                "master key", OK, f"kept elsewhere too, confirmed {when(status.master_kept_at)}"
            )
        )
    if len(status.keys_by_version) > 1:
        found.append(
            Finding(
                "master key", WARNING, "a rotation is unfinished", "run `hub keys rotate` again"
            )
        )
    if status.scrub_pending:
        found.append(
            Finding(
                "key store",
                WARNING,
                "destroyed keys may still lie in the database's log",
                "it is finished at the next start",
            )
        )
    found += [
        Finding("key store", WARNING, one)
        for one in placement_warnings(settings.keys, settings.database, None, now())
    ]
    return found


def _source(settings: Settings) -> str:
    return {
        "environment": "the environment",
        "file": "a file",
    }.get(settings.master_key_source, settings.master_key_source)


def _database(settings: Settings) -> list[Finding]:
    path = sqlite_path(settings.database)
    name = str(path) if path else "PostgreSQL"
    if path is not None and not path.exists():
        return [Finding("database", OK, f"{name} will be made at the first start")]
    try:
        database = open_store(settings.database)
        try:
            at = revision(database)
            if at is None:
                return [Finding("database", OK, f"{name} is empty; `hub run` fills it")]
            check_current(database)
            lost = missing(settings, database)
            foreign = _foreign_keys(settings, database)
        finally:
            database.dispose()
    except DatabaseUnusable as error:
        return [Finding("database", PROBLEM, str(error), "hub db upgrade")]
    except SQLAlchemyError as error:
        said, mend = in_words(error)
        at = settings.where("hub", "database")
        return [Finding("database", PROBLEM, f"{name}: {said}", mend, at)]
    return [
        Finding("database", OK, f"{name}, at migration {at}"),
        *([Finding("key store", PROBLEM, FOREIGN_KEYS)] if foreign else []),
        *(
            Finding(
                f"system {one}",
                WARNING,
                "it holds people, by the hub's records, and is not in the configuration any more",
                MISSING_MEND,
                settings.where("systems"),
            )
            for one in lost
        ),
    ]


def _foreign_keys(settings: Settings, database: Engine) -> bool:
    """Whether the key store is not the one that belongs to the database."""
    try:
        with open_vault(settings) as vault, read_only(database).connect() as connection:
            return not subjects.open_with(connection, vault)
    except VaultError:
        return False  # told of already


def _systems(settings: Settings, host: Host, *, quiet: bool) -> list[Finding]:
    """Every system's own check, side by side."""
    systems = list(settings.landscape.systems.values())
    with progress(quiet=quiet) as bar, ThreadPoolExecutor(max_workers=8) as pool:
        task = bar.add_task("asking the systems", total=len(systems), note="")
        futures = []
        for one in systems:
            future = pool.submit(_system, settings, host, one)
            future.add_done_callback(lambda _: bar.advance(task))
            futures.append(future)
        return [finding for future in futures for finding in future.result()]


def _system(settings: Settings, host: Host, system: System) -> list[Finding]:
    about = f"system {system.id}"
    if not system.enabled:
        return [Finding(about, OK, "switched off")]
    try:
        connector = host.open(
            system,
            host.settings(system.plugin, settings.plugin_settings[system.id], system.id),
            rates=settings.rates.get(system.id, {}),
        )
        opened = Opened(system, host.type(system.plugin, system.id), connector)
    except Misconfigured as error:
        trouble = trouble_of(settings, system.id, error)
        return [Finding(about, PROBLEM, trouble.message, trouble.mend, trouble.place)]
    problems = examine(settings, opened)
    found = [
        Finding(
            about,
            PROBLEM if one.fatal or one.code == "unavailable" else WARNING,
            one.message.removeprefix(f"{system.id}: "),
            one.mend,
            place,
        )
        for one, place in problems
    ]
    if found:
        return found
    if system.by_hand is not None:
        said = f"{opened.type.title}: {system.by_hand.contact} does what requests ask of it"
        return [Finding(about, OK, said)]
    topics = sum(len(stream.topics) for stream in system.streams)
    fields = sum(len(stream.fields) for stream in system.streams)
    said = f"{opened.type.title}: token, scopes, {fields} fields and {topics} topics are right"
    collected = sorted({one.kind for stream in system.streams for one in stream.activities})
    if collected:
        said += f"; collects {', '.join(collected)}"
    return [Finding(about, OK, said)]


def _print(findings: list[Finding], *, bad: bool) -> None:
    console = out()
    shown = table("", "", "about", "found")
    last: Any = None
    for one in findings:
        text = Text(one.found)
        if one.mend:
            text.append(f"\nMend: {one.mend}", style="bold")
        if one.place:
            text.append(f"\n{_short(one.place)}", style="dim")
        shown.add_row(_MARKS[one.state], *cells("" if one.about == last else one.about), text)
        last = one.about
    console.print(shown)
    if bad:
        console.print("[red]Something has to be mended before everything runs.[/]")
    elif any(one.state == WARNING for one in findings):
        console.print("[yellow]Everything runs; look at what is marked with !.[/]")
    else:
        console.print("[green]Everything is ready.[/] Next: hub sync --dry-run, then hub run.")


def _short(place: str) -> str:
    """A place relative to the present folder where it lies below it."""
    file, _, rest = place.partition(":")
    try:
        return f"{Path(file).relative_to(Path.cwd())}:{rest}"
    except ValueError:
        return place
