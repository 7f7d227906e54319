"""What must agree between the parts of a configuration: names, owners, projects, databases.

The mapping of a stream has its own checks in `hub.settings.mapping`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from ipaddress import ip_address
from pathlib import Path

from hub.domain.landscape import MANUAL, FieldKind, Policy
from hub.settings.countries import in_eea
from hub.settings.databases import is_sqlite, resolve_database, same_database
from hub.settings.kinds import address
from hub.settings.mistakes import KeyPath, Mistake, dotted, near, one_of
from hub.settings.model import (
    ALL,
    ActivityConfig,
    FieldConfig,
    MemberConfig,
    ProjectConfig,
    StreamConfig,
    SystemConfig,
)
from hub.settings.shape import Document
from hub.settings.tree import Tree
from hub.settings.values import format_duration

DATABASES = ("database", "keys", "engine")
SHORTEST_INTERVAL = timedelta(seconds=1)


class Checker:
    """Notes mistakes, each at the place of the value that should change."""

    def __init__(self, document: Document, tree: Tree, mistakes: list[Mistake]) -> None:
        self.document = document
        self.tree = tree
        self._mistakes = mistakes

    def wrong(self, path: KeyPath, found: str, expected: str = "", mend: str = "") -> None:
        """Something that stands there is wrong."""
        written = self.tree.written(path)
        place = self.tree.value_place(written)
        self._mistakes.append(Mistake(place, dotted(written), found, expected, mend))

    def lacking(self, path: KeyPath, found: str, expected: str = "", mend: str = "") -> None:
        """Something is not there. Passed over in an entry of which parts could not be read."""
        if path[:2] in self.document.damaged:
            return
        place = self.tree.place(path)
        self._mistakes.append(Mistake(place, dotted(path), found, expected, mend))

    def known(self, section: str, kind: str, name: str, path: KeyPath) -> bool:
        """Whether an entry of that name exists; notes a mistake otherwise."""
        names = self.document.known[section]
        if name in names:
            return True
        self.unknown(path, kind, name, names)
        return False

    def unknown(self, path: KeyPath, kind: str, name: str, names: Iterable[str]) -> None:
        """A name that is not among those that exist."""
        if name:  # an empty one was told of already
            found = self.tree.found(self.tree.written(path))  # hidden where it is a secret
            self.wrong(path, f"unknown {kind} {found}", one_of(names), near(name, names))

    def unknown_key(self, path: KeyPath, kind: str, names: Iterable[str]) -> None:
        """A key that is not among the names that exist."""
        key = str(path[-1])
        place = self.tree.place(path)
        found = f'unknown {kind} "{key}"'
        self._mistakes.append(
            Mistake(place, dotted(path[:-1]), found, one_of(names), near(key, names))
        )

    def unique(self, names: Iterable[str], path: KeyPath) -> None:
        """Notes each name that stands in a list twice."""
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name in seen and name:
                self.wrong((*path, index), "the same name twice", "each once")
            seen.add(name)

    def field(self, name: str) -> FieldConfig | None:
        """The hub field of that name; None where there is none, or it is not sure what it is."""
        damaged = ("fields", name) in self.document.damaged
        return None if damaged else self.document.fields.get(name)

    def controllers_of(self, system: SystemConfig) -> tuple[str, ...]:
        """The owner, or all controllers of a joint system's project; empty where unknown."""
        if system.project is not None:
            project = self.document.projects.get(system.project)
            return tuple(project.controllers) if project else ()
        return (system.owner,) if system.owner else ()


def reads(stream: StreamConfig, field: str) -> bool:
    """Whether values of the hub field come from the stream."""
    mapped = stream.fields.get(field)
    return mapped is not None and (mapped.direction or stream.direction).reads


def check_hub(check: Checker, home: Path) -> dict[str, str]:
    """The three databases: their forms, and that none doubles as another. Their addresses."""
    addresses: dict[str, str] = {}
    for name in DATABASES:
        try:
            addresses[name] = resolve_database(getattr(check.document.hub, name), home)
        except ValueError as error:
            check.wrong(("hub", name), "an address that cannot be used", str(error))
    for one, other, why in (
        ("database", "keys", "an erasure must be able to destroy keys that no copy of it holds"),
        ("engine", "keys", "an erasure must be able to destroy keys that no copy of it holds"),
        ("engine", "database", "on SQLite the two would block each other in one file"),
    ):
        if one not in addresses or other not in addresses:
            continue
        apart = "keys" in (one, other) or is_sqlite(addresses[one])
        if apart and same_database(addresses[one], addresses[other]):
            changed = other if ("hub", other) in check.tree.places else one
            check.wrong(
                ("hub", changed),
                f"the same database as hub.{one if changed == other else other}",
                f"another one: {why}",
            )
    return addresses


def check_web(check: Checker) -> None:
    """Certificate and key belong together; who listens for others says by what name."""
    web = check.document.web
    for one, other in (("certificate", "key"), ("key", "certificate")):
        if getattr(web, one) and not getattr(web, other):
            check.lacking(("web", other), "missing", f"the {other} that belongs to web.{one}")
    host = address(web.listen)[0]
    alone = host == "localhost" or ip_address(host).is_loopback
    if web.enabled and not alone and not web.hosts:
        check.lacking(
            ("web", "hosts"),
            "missing",
            "the names that the endpoint is called by from other machines",
            "Such as hosts: [hub.crowst.example], or listen on 127.0.0.1 only",
        )


def check_controllers(check: Checker) -> None:
    """A business id names one company."""
    seen: dict[str, str] = {}
    for name, controller in check.document.controllers.items():
        first = seen.setdefault(controller.business_id, name)
        if first != name:
            path: KeyPath = ("controllers", name, "business_id")
            check.wrong(path, f"the business id of {first}", "one company per id")


def check_purposes(check: Checker) -> None:
    """Each purpose belongs to controllers that exist, and what is sent can be objected to."""
    for name, purpose in check.document.purposes.items():
        path: KeyPath = ("purposes", name)
        if name == ALL:
            check.wrong(path, f'the id "{ALL}"', f"another id: topics use {ALL} for every purpose")
        if purpose.channel != "none" and not purpose.marketing:
            check.wrong(
                (*path, "marketing"),
                "false for a purpose that sends something",
                "channel: none, or leave marketing out: whoever objects is sent nothing",
            )
        _each_known(check, "controllers", "controller", purpose.controllers, (*path, "controllers"))


def _each_known(
    check: Checker, section: str, kind: str, names: list[str], path: KeyPath
) -> list[str]:
    """The names of the list that exist."""
    check.unique(names, path)
    return [
        name for index, name in enumerate(names) if check.known(section, kind, name, (*path, index))
    ]


def check_fields(check: Checker) -> list[str]:
    """The profile has the address that people are known by, under its name, and each policy has
    what it works with. Answers warnings."""
    fields = check.document.fields
    if fields and "email" not in check.document.known["fields"]:
        check.lacking(
            ("fields",),
            'no field "email"',
            "one of kind email: people are known by it",
            "Add email: {kind: email}",
        )
    one = check.field("email")
    if one is not None and one.kind is not FieldKind.EMAIL:
        check.wrong(("fields", "email"), f"a field of kind {one.kind}", "kind: email")
    for name, one in fields.items():
        path: KeyPath = ("fields", name)
        _each_known(check, "systems", "system", one.order, (*path, "order"))
        sound = check.field(name) is not None
        if sound and one.policy is Policy.APPEND and one.kind is not FieldKind.LIST:
            check.wrong((*path, "policy"), "append for a field that is no list", "kind: list")
        if one.policy is Policy.SOURCE_ORDER and not one.order:
            check.lacking(
                (*path, "order"), "missing", "the systems that source-order trusts, best first"
            )
        if sound and one.order and one.policy is not Policy.SOURCE_ORDER:
            check.wrong((*path, "order"), "an order that nothing uses", "policy: source-order")
    if not fields or "first_name" in check.document.known["fields"]:
        return []
    return [
        f'{check.tree.place(("fields",))}: no field "first_name": whoever shares an address with '
        "somebody is taken for them. Call the field with the first names so"
    ]


def check_projects(check: Checker) -> None:
    """A project's companies, systems, fields and members fit together."""
    for name, project in check.document.projects.items():
        path: KeyPath = ("projects", name)
        _each_known(check, "controllers", "controller", project.controllers, (*path, "controllers"))
        _each_known(check, "fields", "hub field", project.fields, (*path, "fields"))
        systems = _each_known(check, "systems", "system", project.systems, (*path, "systems"))
        for system in systems:
            _check_membership_of_owner(check, project, system, path)
        if project.ends is not None and project.ends < project.starts:
            check.wrong(
                (*path, "ends"), f"an end before the start ({project.starts})", "a later day"
            )
        _check_members(check, project, path)


def _check_membership_of_owner(
    check: Checker, project: ProjectConfig, system: str, path: KeyPath
) -> None:
    configured = check.document.systems.get(system)
    if configured is None:
        return
    for owner in check.controllers_of(configured):
        if owner not in project.controllers and owner in check.document.known["controllers"]:
            check.wrong(
                (*path, "systems", project.systems.index(system)),
                f"{system}, which belongs to {owner}",
                f"a system of {' or '.join(project.controllers)}",
                f"Add {owner} to the project's controllers, or leave the system out",
            )


def _check_members(check: Checker, project: ProjectConfig, path: KeyPath) -> None:
    for index, rule in enumerate(project.members):
        here: KeyPath = (*path, "members", index)
        known = check.known("systems", "system", rule.system, (*here, "system"))
        if known and rule.system not in project.systems:
            check.wrong(
                (*here, "system"),
                f"{rule.system}, which is not a system of the project",
                one_of(project.systems),
            )
        together(check, rule, here)
        if rule.field is None:
            _check_any_record(check, rule, here)
        else:
            _check_member_field(check, rule, rule.field, here)


def together(check: Checker, entry: MemberConfig | ActivityConfig, path: KeyPath) -> None:
    """A field and its value are given both or not at all."""
    if entry.field is None and entry.value is not None:
        check.wrong((*path, "value"), "a value without a field", "field: beside it")
    if entry.field is not None and entry.value is None:
        check.lacking((*path, "value"), "a field without a value", "value: beside it")


def _check_any_record(check: Checker, rule: MemberConfig, path: KeyPath) -> None:
    system = check.document.systems.get(rule.system)
    if system is None or ("systems", rule.system) in check.document.damaged:
        return
    if not any(stream.direction.reads for stream in system.streams.values()):
        check.wrong(
            (*path, "system"),
            f"{rule.system}, of which no stream is read",
            "a system whose records the hub reads",
        )


def _check_member_field(check: Checker, rule: MemberConfig, name: str, path: KeyPath) -> None:
    if not check.known("fields", "hub field", name, (*path, "field")):
        return
    field = check.field(name)
    if field is not None and field.kind not in {FieldKind.LIST, FieldKind.TEXT}:
        check.wrong((*path, "field"), f"a field of kind {field.kind}", "a list or text")
    system = check.document.systems.get(rule.system)
    if system is None or ("systems", rule.system) in check.document.damaged:
        return
    if not any(reads(stream, name) for stream in system.streams.values()):
        check.wrong(
            (*path, "field"),
            f"{name}, which no stream of {rule.system} reads",
            "a field of its mapping",
            f"Map {name} in {rule.system}, or choose another field",
        )


def check_system(check: Checker, name: str, system: SystemConfig, today: date | None) -> list[str]:
    """Owner, place and schedule of a system. Answers warnings."""
    path: KeyPath = ("systems", name)
    warnings: list[str] = []
    if system.owner is not None and system.project is not None:
        check.wrong((*path, "project"), "a project beside an owner", "one of the two")
    elif system.owner is None and system.project is None:
        check.lacking((*path, "owner"), "missing", "the owner (or project: of a joint system)")
    if system.owner is not None:
        check.known("controllers", "controller", system.owner, (*path, "owner"))
    if system.project is not None and check.known(
        "projects", "project", system.project, (*path, "project")
    ):
        warnings += _check_joint(check, name, system, today)
    if not in_eea(system.location.country) and not system.location.transfer.strip():
        check.lacking(
            (*path, "location", "transfer"),
            "missing",
            f"the basis on which data goes to {system.location.country} (GDPR Chapter V)",
            'Such as "EU-US Data Privacy Framework" or "standard contractual clauses"',
        )
    if system.plugin == MANUAL:
        _check_manual(check, path)
        return warnings
    if not system.streams:
        check.lacking((*path, "streams"), "missing", "what is synced")
    if system.schedule.every is None and system.schedule.cron is None:
        check.lacking((*path, "schedule"), "no time", "every: 5m, or cron:")
    if system.schedule.every is not None and system.schedule.cron is not None:
        check.wrong((*path, "schedule"), "every beside cron", "one of the two")
    if system.schedule.every is not None and system.schedule.every < SHORTEST_INTERVAL:
        check.wrong((*path, "schedule", "every"), "less than a second", "1s or more")
    return warnings


def _check_manual(check: Checker, path: KeyPath) -> None:
    """A system that nothing connects is never synced: nothing may look as if it were."""
    for key in ("streams", "schedule", "rate", "guard"):
        if (*path, key) in check.tree.places:
            check.wrong(
                (*path, key),
                f"{key} in a manual system",
                "none: nothing connects it, so it is never synced",
                "Take it out",
            )


def check_rights(check: Checker) -> None:
    """What is to be done after closing comes in the order of time, and before the proof ends."""
    rights = check.document.rights
    before = timedelta(0)
    for index, at in enumerate(rights.watch):
        path: KeyPath = ("rights", "watch", index)
        if at <= before:
            check.wrong(
                path, "a time no later than the one before it", "ascending times, such as [1d, 7d]"
            )
        elif at >= rights.keep:
            check.wrong(
                path,
                f"a time when the case file has ended (keep: {format_duration(rights.keep)})",
                "an earlier one: without the case file nobody knows whom to look for",
            )
        before = max(at, before)


def _check_joint(check: Checker, name: str, system: SystemConfig, today: date | None) -> list[str]:
    path: KeyPath = ("systems", name, "project")
    project = check.document.projects.get(system.project or "")
    if project is None:
        return []
    if name not in project.systems:
        check.wrong(
            path,
            f"a project that does not name {name} among its systems",
            f"{name} in projects.{system.project}.systems",
        )
    if today is not None and project.ends is not None and project.ends < today and system.enabled:
        place = check.tree.value_place(path)
        return [
            f"{place}: {name} is joint in {system.project}, which ended on {project.ends}: nothing "
            "crosses through it any more. Switch it off with enabled: false"
        ]
    return []
