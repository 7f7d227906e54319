"""Finds connector plugins through entry points, and says what is wrong with those it cannot use.

Every plugin is registered with a pluggy manager of its own, so that what one does wrong can not
touch another, and nothing is kept globally.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import pluggy

from hub.api import API_VERSION, PROJECT, ConnectorType, hookspecs

GROUP = "hub.connectors"
"""The entry point group in which a distribution names its connector modules."""

_HOOK = hookspecs.hub_connector_types.__name__


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a plugin, or some kinds of system of it, cannot be used. Everything else runs on."""

    plugin: str  # the entry point's name
    message: str
    mend: str
    kinds: tuple[str, ...] = ()  # the kinds it blocks, as far as they are known


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: one connector type per kind, and what was left out."""

    types: tuple[ConnectorType, ...]
    problems: tuple[PluginProblem, ...]


def discover(entries: Iterable[EntryPoint] | None = None) -> Found:
    """Import the plugins of `entries` (default: all installed in the group "hub.connectors")."""
    if entries is None:
        entries = entry_points(group=GROUP)
    # a reinstalled distribution may leave its metadata twice
    wanted = {(entry.name, entry.value): entry for entry in entries}
    offers: list[tuple[str, ConnectorType]] = []
    problems: list[PluginProblem] = []
    for entry in wanted.values():
        try:
            types = _types_of(entry)
        except _Unusable as reason:
            problems.append(PluginProblem(entry.name, reason.message, reason.mend))
            continue
        for one in types:
            fault = _version_fault(entry.name, one)
            if fault is None:
                offers.append((entry.name, one))
            else:
                problems.append(fault)
    return _unambiguous(offers, problems)


class _Unusable(Exception):
    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


def _types_of(entry: EntryPoint) -> Sequence[ConnectorType]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        plugin = entry.load()
    except (Exception, SystemExit) as error:  # importing runs the plugin's code
        raise _Unusable(
            f"the plugin {entry.name!r} cannot be imported: {_told(error)}",
            f"mend or reinstall the distribution that provides {entry.value!r}",
        ) from None
    try:
        manager.register(plugin, entry.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _Unusable(_hook_fault(entry.name, plugin, manager, error), _HOOK_MEND) from None
    if not manager.hook.hub_connector_types.get_hookimpls():
        raise _Unusable(_no_hook(entry.name, plugin), _HOOK_MEND)
    try:
        types = [one for offered in manager.hook.hub_connector_types() for one in offered]
    except Exception as error:  # again the plugin's own code
        raise _Unusable(
            f"the plugin {entry.name!r} fails in {_HOOK}: {_told(error)}",
            "ask its author, or remove it",
        ) from None
    for one in types:
        if not isinstance(one, ConnectorType):
            raise _Unusable(
                f"the plugin {entry.name!r} offers a {type(one).__name__}, not a ConnectorType",
                f"{_HOOK} must answer hub.api.ConnectorType values",
            )
    return types


_HOOK_MEND = f"the plugin's module needs: @hookimpl def {_HOOK}() -> Iterable[ConnectorType]"


def _hook_fault(
    name: str, plugin: object, manager: pluggy.PluginManager, error: pluggy.PluginValidationError
) -> str:
    for attribute in dir(plugin):
        if attribute != _HOOK and manager.parse_hookimpl_opts(plugin, attribute) is not None:
            guess = f", did you mean {_HOOK!r}?" if get_close_matches(attribute, [_HOOK]) else ""
            return f"the plugin {name!r} has a hook {attribute!r} that the hub does not know{guess}"
    return f"the plugin {name!r} has a hook that does not fit: {error}"


def _no_hook(name: str, plugin: object) -> str:
    functions = vars(plugin) if isinstance(plugin, ModuleType) else dir(plugin)
    close = get_close_matches(_HOOK, list(functions), n=1, cutoff=0.7)
    if close:
        return f"the plugin {name!r} defines {close[0]!r} without @hookimpl, so it is no hook"
    return f"the plugin {name!r} has no hook {_HOOK!r}"


def _version_fault(plugin: str, one: ConnectorType) -> PluginProblem | None:
    if one.api_version == API_VERSION:
        return None
    older = "older" if one.api_version < API_VERSION else "newer"
    return PluginProblem(
        plugin,
        f"the plugin {plugin!r} offers {one.kind!r} for version {one.api_version} of the connector "
        f"API, this hub speaks version {API_VERSION}",
        f"the plugin is {older} than this hub: bring the two to versions that fit",
        (one.kind,),
    )


def _unambiguous(offers: list[tuple[str, ConnectorType]], problems: list[PluginProblem]) -> Found:
    """Leave out kinds that are offered twice: which of them runs must not be an accident."""
    by_kind: dict[str, list[tuple[str, ConnectorType]]] = {}
    for plugin, one in offers:
        by_kind.setdefault(one.kind, []).append((plugin, one))
    types = []
    for kind, several in by_kind.items():
        if len(several) == 1:
            types.append(several[0][1])
            continue
        names = [plugin for plugin, _ in several]
        who = " and ".join(repr(name) for name in dict.fromkeys(names))
        problems.append(
            PluginProblem(
                names[0],
                f"{kind!r} is offered {len(several)} times, by {who}; none of them is used",
                "remove one of them",
                (kind,),
            )
        )
    return Found(tuple(sorted(types, key=lambda one: one.kind)), tuple(problems))


def _told(error: BaseException) -> str:
    """The error and the line of the plugin where it arose."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and Path(frame.filename) != Path(__file__)
    ]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
