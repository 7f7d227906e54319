"""From settings to an open hub: stores, vault, connectors. The daemon and the commands share it.

    with open_hub(settings, environ, migrate=True) as hub:
        hub.open_systems()
        run_system(hub.deployment, hub.deployment.systems["crowst-crm"], "me")

A system that cannot be opened never stops the others: it stands in `troubles` with its mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from hub.api import ConnectorError, Misconfigured, Problem
from hub.collector import calm
from hub.connect.host import Host
from hub.connect.validation import InvalidSettings
from hub.delivery.deployment import Deployment, Opened
from hub.domain.landscape import System
from hub.settings import Settings
from hub.store import overview, subjects
from hub.store.identity import Identities
from hub.store.schema import check_current, migrate, open_store
from hub.vault import MasterKeyMissing, MasterKeys, Vault
from hub.vault.database import DatabaseUnusable, Engine, read_only

log = structlog.get_logger(__name__)

NEEDS_MENDING = frozenset(
    {
        "misconfigured",
        "auth",
        "scope",
        "field",
        "topic",
        "scope-id",
        "plan",
        "answer",
        "settings",
        "plugin",
        "run-failed",
    }
)
"""Reasons of a failed task that another try alone does not mend."""

NO_KEY = (
    "There is no master key. Make one with `hub keys generate --file PATH`, name that file in the "
    "configuration (hub: master_key: !file PATH) or put the key into HUB_MASTER_KEY, and keep a "
    "copy elsewhere: without it nobody can read the data."
)


def missing(settings: Settings, database: Engine) -> list[str]:
    """Systems that hold people, by the hub's links, and that the configuration has no more."""
    with read_only(database).connect() as connection:
        held = {
            system
            for (system, _, _), states in overview.records(connection).items()
            if any(n for state, n in states.items() if state not in ("merged", "gone"))
        }
    return sorted(held - settings.landscape.systems.keys())


MISSING_MEND = (
    "put it back with enabled: false, or with plugin: manual where nothing connects it any more; "
    "what requests ask of it stays undone until then"
)


FOREIGN_KEYS = (
    "The key store does not hold the keys to the people in the database: it is another one, or was "
    "just made because there was none at its address. Give hub.keys the address of the one that "
    "belongs to this database. With another one nobody could be read or recognised, and who was "
    "erased would come back."
)


def now() -> datetime:
    """The present, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why one system cannot run, and what to do about it."""

    system: str
    message: str
    mend: str
    place: str = ""  # file:line:column where the mend belongs, where that is known
    code: str = "misconfigured"

    def __str__(self) -> str:
        at = f" ({self.place})" if self.place else ""
        mend = f" Mend: {self.mend}." if self.mend else ""
        return f"{self.message}.{mend}{at}"


@dataclass
class Hub:
    """Everything that is open. `deployment.systems` holds the systems opened until now."""

    settings: Settings
    host: Host
    deployment: Deployment
    systems: dict[str, Opened]
    troubles: dict[str, Trouble] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        """The key store."""
        return self.deployment.vault

    @property
    def enabled(self) -> list[System]:
        """The systems that take part, in the order of the configuration."""
        return [one for one in self.settings.landscape.systems.values() if one.enabled]

    @property
    def synced(self) -> list[System]:
        """Those of them that are read and written: not the ones that nothing connects."""
        return [one for one in self.enabled if one.synced]

    def open_system(self, name: str) -> Opened:
        """Open one system, or answer it opened. Makes no call to the vendor. Raises Misconfigured,
        which then stands in `troubles` too."""
        opened = self.systems.get(name)
        if opened is not None:
            return opened
        try:
            opened = _open(self.settings, self.host, self.settings.landscape.systems[name])
        except Misconfigured as error:
            self.troubles[name] = trouble_of(self.settings, name, error)
            raise
        self.troubles.pop(name, None)
        self.systems[name] = opened
        return opened

    def open_systems(self, names: Iterable[str] | None = None) -> Mapping[str, Trouble]:
        """Open those systems, all enabled ones by default; answers what stands in the way."""
        wanted = [one.id for one in self.enabled] if names is None else list(names)
        for name in wanted:
            try:
                self.open_system(name)
            except Misconfigured:
                continue  # noted in troubles
        return {name: self.troubles[name] for name in wanted if name in self.troubles}

    def look_over(self, opened: Opened) -> Trouble | None:
        """What stands in the way of a system's first run; lesser flaws are logged and do not.

        Asks the vendor. A vendor that does not answer is no trouble yet: the run tells of that.
        """
        name = opened.system.id
        for problem, place in examine(self.settings, opened):
            if problem.fatal:
                trouble = Trouble(name, problem.message, problem.mend, place, problem.code)
                self.troubles[name] = trouble
                return trouble
            if problem.code != "unavailable":
                log.warning(
                    "system has a flaw", system=name, reason=problem.message, mend=problem.mend
                )
        self.troubles.pop(name, None)
        return None


def master_keys(settings: Settings) -> MasterKeys:
    """The master keys of the configuration. Raises MasterKeyError."""
    if settings.master_key is None:
        raise MasterKeyMissing(NO_KEY)
    return MasterKeys.parse(settings.master_key.get_secret_value())


def open_vault(settings: Settings, clock: Callable[[], datetime] = now) -> Vault:
    """The key store alone. Raises VaultError, DatabaseUnusable."""
    return Vault(settings.keys, master_keys(settings), clock)


@contextmanager
def open_hub(
    settings: Settings, *, upgrade: bool = False, clock: Callable[[], datetime] = now
) -> Iterator[Hub]:
    """Open the stores; no system yet, see `Hub.open_systems`.

    `upgrade` brings the database to this version's tables; left out, an older one is refused.
    Raises VaultError, DatabaseUnusable.
    """
    with ExitStack() as stack:
        vault = stack.enter_context(open_vault(settings, clock))
        database = open_store(settings.database)
        stack.callback(database.dispose)
        if upgrade:
            migrate(database)
        else:
            check_current(database)
        with read_only(database).connect() as connection:
            if not subjects.open_with(connection, vault):
                raise DatabaseUnusable(FOREIGN_KEYS)
        host = stack.enter_context(Host.load())
        systems: dict[str, Opened] = {}
        deployment = Deployment(
            landscape=settings.landscape,
            database=database,
            vault=vault,
            identities=Identities(vault.index()),
            systems=systems,
            now=clock,
        )
        calm()
        yield Hub(settings, host, deployment, systems)


def examine(settings: Settings, opened: Opened) -> list[tuple[Problem, str]]:
    """What the connector finds in the way of running, each with its place in the configuration.

    Asks the vendor. Never raises for the vendor's or the plugin's sake.
    """
    name = opened.system.id
    try:
        problems = list(opened.connector.check())
    except Misconfigured as error:
        problems = [Problem("settings", str(error), error.mend)]
    except ConnectorError as error:
        problems = [Problem("unavailable", str(error), "try again later", fatal=False)]
    except Exception as error:  # a connector's own fault; its text may hold anything
        told = f"{name}: the plugin failed in `check` ({type(error).__name__})"
        problems = [Problem("plugin", told, "ask the plugin's author")]
    return [(one, place_of(settings, opened.system, one)) for one in problems]


def trouble_of(settings: Settings, name: str, error: Misconfigured) -> Trouble:
    """A failure to open or to run, with the place where its mend belongs."""
    path: tuple[str | int, ...] = ("systems", name)
    if isinstance(error, InvalidSettings):
        path = (*path, "settings", *(error.faults[0].path if error.faults else ()))
    elif "no plugin" in str(error) or "the plugin" in str(error):
        path = (*path, "plugin")
    elif name in settings.landscape.systems:
        path = _activity_of(settings.landscape.systems[name], str(error)) or path
    return Trouble(name, str(error), error.mend, settings.where(*path))


def _activity_of(system: System, message: str) -> tuple[str | int, ...] | None:
    """Where the kind of activity stands that the message says a stream does not tell of."""
    for stream in system.streams:
        for one in stream.activities:
            if f"{one.kind!r} in the stream {stream.name!r}" in message:
                return "systems", system.id, "streams", stream.name, "activities", one.kind
    return None


def place_of(settings: Settings, system: System, problem: Problem) -> str:
    """Where in the configuration a connector's problem is to be mended: the line of the field,
    topic or scope that its message names, or of the settings for a credential."""
    base: tuple[str | int, ...] = ("systems", system.id)
    words = set(problem.message.replace("'", " ").replace(",", " ").split())
    for stream in system.streams:
        at = (*base, "streams", stream.name)
        if problem.code == "field":
            for mapping in stream.fields:
                if mapping.vendor in words:
                    return settings.where(*at, "fields", mapping.hub)
        if problem.code == "topic":
            listed = list(dict.fromkeys(topic.topic for topic in stream.topics))
            for topic in listed:
                if topic in words:
                    return settings.where(*at, "topics", listed.index(topic))
        if problem.code in ("scope-id", "double-opt-in"):
            for index, scope in enumerate(stream.scopes):
                if scope in words:
                    return settings.where(*at, "scopes", index)
    return settings.where(*base, "settings")


def _open(settings: Settings, host: Host, system: System) -> Opened:
    raw = settings.plugin_settings[system.id]
    connector = host.open(
        system,
        host.settings(system.plugin, raw, system.id),
        rates=settings.rates.get(system.id, {}),
    )
    return Opened(system, host.type(system.plugin, system.id), connector)
