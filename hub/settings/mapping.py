"""What must agree inside a system's streams: fields, topics and what they mean for permission."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hub.api import ActivityKind
from hub.domain.landscape import CreatePolicy, Direction, Effect, FieldKind, Ground, Policy
from hub.settings.checks import Checker, reads, together
from hub.settings.mistakes import KeyPath, one_of
from hub.settings.model import (
    ALL,
    ActivityConfig,
    GroundConfig,
    PurposeConfig,
    StreamConfig,
    SystemConfig,
    TopicConfig,
)


def is_foreign(topic: TopicConfig, owners: Iterable[str]) -> bool:
    """Whether the topic binds a controller that the system does not belong to."""
    return not set(topic.controllers) <= set(owners)


def topic_direction(topic: TopicConfig, stream: StreamConfig, owners: Iterable[str]) -> Direction:
    """As written, else as the stream; a joint unsubscribe is only read."""
    if topic.direction is not None:
        return topic.direction
    return Direction.READ if is_foreign(topic, owners) else stream.direction


def yes_counts(topic: TopicConfig, owners: Iterable[str]) -> bool:
    """As written, else yes; never by default where it would be consent to another's company."""
    return not is_foreign(topic, owners) if topic.yes_counts is None else topic.yes_counts


def effects(
    topic: TopicConfig, owners: Iterable[str], purposes: dict[str, PurposeConfig]
) -> tuple[Effect, ...]:
    """The permissions that the topic speaks of, in the order of the configuration."""
    controllers = topic.controllers or list(owners)
    if ALL in topic.purpose:
        named = [name for name, one in purposes.items() if one.channel == topic.channel]
    else:
        named = topic.purpose
    return tuple(
        Effect(controller, name)
        for controller in controllers
        for name in named
        if name in purposes and controller in purposes[name].controllers
    )


def topic_scope(topic: TopicConfig, stream: StreamConfig) -> str:
    """The scope as written, or the stream's only one, or none."""
    if topic.scope is not None:
        return topic.scope
    return stream.scopes[0] if len(stream.scopes) == 1 else ""


def check_streams(check: Checker, name: str, system: SystemConfig) -> None:
    """All streams of a system."""
    owners = check.controllers_of(system)
    for stream_name, stream in system.streams.items():
        path: KeyPath = ("systems", name, "streams", stream_name)
        if stream.create is not CreatePolicy.NEVER and not stream.direction.writes:
            check.wrong(
                (*path, "create"),
                f"create: {stream.create} in a stream that is only read",
                "create: never, or a direction that writes",
            )
        check.unique(stream.scopes, (*path, "scopes"))
        _check_fields(check, stream, (*path, "fields"))
        for index, topic in enumerate(stream.topics):
            _check_topic(check, topic, stream, owners, (*path, "topics", index))
        _check_topics_apart(check, stream, owners, (*path, "topics"))
        for index, rule in enumerate(stream.grounds):
            _check_ground(check, rule, stream, owners, (*path, "grounds", index))
        for kind, activity in stream.activities.items():
            _check_activity(check, activity, stream, owners, (*path, "activities", kind))


def _allowed(check: Checker, direction: Direction | None, within: Direction, path: KeyPath) -> None:
    """Note a direction that its stream does not have."""
    if direction is None:
        return
    if (direction.reads and not within.reads) or (direction.writes and not within.writes):
        check.wrong(
            (*path, "direction"),
            f"{direction} in a stream whose direction is {within}",
            str(within),
        )


def _check_fields(check: Checker, stream: StreamConfig, path: KeyPath) -> None:
    vendors: dict[str, str] = {}
    for name, mapped in stream.fields.items():
        here: KeyPath = (*path, name)
        _allowed(check, mapped.direction, stream.direction, here)
        first = vendors.setdefault(mapped.vendor, name)
        if first != name:
            check.wrong(
                (*here, "vendor"),
                f'the vendor field that {first} has already ("{mapped.vendor}")',
                "one mapping per vendor field",
                f"The first is at {check.tree.place((*path, first))}",
            )
        if not _known_field(check, name, here):
            continue
        field = check.field(name)
        if field is None or mapped.policy is None:
            continue
        if mapped.policy is Policy.APPEND and field.kind is not FieldKind.LIST:
            check.wrong((*here, "policy"), "append for a field that is no list", "another policy")
        if mapped.policy is Policy.SOURCE_ORDER and not field.order:
            check.wrong(
                (*here, "policy"), "source-order without an order", f"order: in fields.{name}"
            )
    if "email" not in stream.fields:
        mend = "Add email: and the vendor's name of it"
        check.lacking(path, "no e-mail field in the mapping", "the hub field email", mend)
    elif stream.direction.reads and not reads(stream, "email"):
        check.wrong((*path, "email", "direction"), "write", "an e-mail field that is read")


def _known_field(check: Checker, name: str, path: KeyPath) -> bool:
    """Whether a mapping's key is a field of the hub. The key is what would have to change."""
    names = check.document.known["fields"]
    if name in names:
        return True
    check.unknown_key(path, "hub field", names)
    return False


def _check_topic(
    check: Checker,
    topic: TopicConfig,
    stream: StreamConfig,
    owners: tuple[str, ...],
    path: KeyPath,
) -> None:
    _allowed(check, topic.direction, stream.direction, path)
    _check_scope(check, topic, stream, path)
    known = [
        name
        for index, name in enumerate(topic.controllers)
        if check.known("controllers", "controller", name, (*path, "controllers", index))
    ]
    check.unique(topic.controllers, (*path, "controllers"))
    if known == topic.controllers and owners:
        _check_foreign(check, topic, owners, path)
    _check_purposes(check, topic.purpose, tuple(topic.controllers) or owners, path)
    if ALL in topic.purpose:
        if len(topic.purpose) > 1:
            check.wrong((*path, "purpose"), "all beside other purposes", "all alone")
        damaged = any(one[0] == "purposes" for one in check.document.damaged)
        if owners and not damaged and not effects(topic, owners, check.document.purposes):
            check.wrong(
                (*path, "purpose"),
                f"all, but no purpose of {' or '.join(topic.controllers or owners)} has the "
                f"channel {topic.channel}",
                "another channel, or a purpose",
            )


def _check_scope(check: Checker, topic: TopicConfig, stream: StreamConfig, path: KeyPath) -> None:
    if topic.scope is None:
        if len(stream.scopes) > 1:
            check.lacking((*path, "scope"), "missing", one_of(stream.scopes))
    elif not stream.scopes:
        if path[:2] not in check.document.damaged:
            check.wrong((*path, "scope"), "a scope in a stream that lists none", "scopes: [ids]")
    elif topic.scope not in stream.scopes:
        check.unknown((*path, "scope"), "scope", topic.scope, stream.scopes)


def _check_foreign(
    check: Checker, topic: TopicConfig, owners: tuple[str, ...], path: KeyPath
) -> None:
    """A joint unsubscribe may bind another company, a YES never: nobody asked for that company."""
    if not is_foreign(topic, owners):
        return
    others = ", ".join(name for name in topic.controllers if name not in owners)
    if not set(owners) <= set(topic.controllers):
        check.wrong(
            (*path, "controllers"),
            f"{others}, to whom the system does not belong",
            f"{' and '.join(owners)}, alone or beside others for a joint unsubscribe",
        )
        return
    if topic.yes_counts:
        check.wrong(
            (*path, "yes_counts"),
            f"a YES that would count for {others} too",
            "yes_counts: false: a joint unsubscribe carries only NO",
        )
    if topic.direction is not None and topic.direction.writes:
        check.wrong(
            (*path, "direction"),
            f"{topic.direction} for a topic that binds {others} too",
            "read: what one company's person refuses is not written for the other",
        )


def _check_purposes(
    check: Checker, names: list[str], controllers: tuple[str, ...], path: KeyPath
) -> None:
    """The purposes exist, and each of the controllers has them."""
    for index, name in enumerate(names):
        here: KeyPath = (*path, "purpose", index)
        if name != ALL:
            _check_purpose(check, name, controllers, here)


def _check_purpose(check: Checker, name: str, controllers: tuple[str, ...], path: KeyPath) -> None:
    """The purpose exists, and each of the controllers has it."""
    if not check.known("purposes", "purpose", name, path):
        return
    purpose = check.document.purposes.get(name)
    for controller in controllers:
        known = controller in check.document.known["controllers"]
        if known and purpose is not None and controller not in purpose.controllers:
            check.wrong(
                path,
                f"{name}, a purpose that {controller} does not have",
                f"a purpose of {controller}",
                f"Add {controller} to purposes.{name}.controllers, or choose another",
            )


def _check_topics_apart(
    check: Checker, stream: StreamConfig, owners: tuple[str, ...], path: KeyPath
) -> None:
    """A topic may be read twice (its own wish, and a joint NO), but has one YES and one writer."""
    saying_yes: dict[tuple[str, str], int] = {}
    writing: dict[tuple[str, str], int] = {}
    for index, topic in enumerate(stream.topics):
        key = (topic.topic, topic_scope(topic, stream))
        for kind, seen, applies in (
            ("whose YES counts", saying_yes, yes_counts(topic, owners)),
            ("that writes", writing, topic_direction(topic, stream, owners).writes),
        ):
            if applies and seen.setdefault(key, index) != index:
                first = check.tree.place((*path, seen[key]))
                check.wrong(
                    (*path, index),
                    f"a second entry for the topic {kind}",
                    "one, with all its purposes",
                    f"The first is at {first}",
                )
                break


def _check_ground(
    check: Checker,
    rule: GroundConfig,
    stream: StreamConfig,
    owners: tuple[str, ...],
    path: KeyPath,
) -> None:
    if rule.ground is Ground.CONSENT:
        check.wrong(
            (*path, "ground"), "consent", "another ground: consent is an act, never a field's value"
        )
    if rule.ground is Ground.CUSTOMER:
        if not rule.basis.strip():
            check.lacking(
                (*path, "basis"),
                "missing",
                "where and since when the opt-out is offered at collection (section 200(3))",
            )
        if len(owners) > 1:
            check.wrong(
                (*path, "ground"),
                "customer in a joint system",
                "a system of one company: a customer of one is none of the other",
            )
    if _known_rule_field(check, rule, path) and not reads(stream, rule.field):
        check.wrong(
            (*path, "field"),
            f"{rule.field}, which the stream does not read",
            "a hub field of its mapping",
        )
    _check_purposes(check, rule.purpose, owners, path)
    for index, name in enumerate(rule.purpose):
        here: KeyPath = (*path, "purpose", index)
        if name == ALL:
            check.wrong(here, "all", "the purposes by name: a ground is stated for each")
        purpose = check.document.purposes.get(name)
        if purpose is not None and rule.ground not in purpose.grounds:
            check.wrong(
                here,
                f"{name}, which does not allow the ground {rule.ground}",
                f"a purpose with {rule.ground} among its grounds",
            )


def _known_rule_field(check: Checker, rule: GroundConfig, path: KeyPath) -> bool:
    damaged = path[:2] in check.document.damaged
    return check.known("fields", "hub field", rule.field, (*path, "field")) and not damaged


PLACEHOLDERS = ("scope", "kind")
"""What may stand in braces in an activity's value: the scope it happened in, its kind."""


def _check_activity(
    check: Checker,
    activity: ActivityConfig,
    stream: StreamConfig,
    owners: tuple[str, ...],
    path: KeyPath,
) -> None:
    kinds = [str(kind) for kind in ActivityKind]
    if path[-1] not in kinds:
        check.unknown_key(path, "kind of activity", kinds)
        return
    if not stream.direction.reads:
        check.wrong(
            path[:-1],
            f"activities in a stream whose direction is {stream.direction}",
            "a direction that reads: an activity belongs to a record that was read",
        )
    if activity.needs is not None:
        _check_purpose(check, activity.needs, owners, (*path, "needs"))
    together(check, activity, path)
    if activity.value is not None:
        left = re.sub(r"\{(\w+)\}", lambda m: "" if m[1] in PLACEHOLDERS else m[0], activity.value)
        if "{" in left or "}" in left:
            check.wrong(
                (*path, "value"),
                "a placeholder that there is not",
                "no others than " + " and ".join(f"{{{name}}}" for name in PLACEHOLDERS),
            )
    if activity.field is None or not check.known(
        "fields", "hub field", activity.field, (*path, "field")
    ):
        return
    field = check.field(activity.field)
    if field is not None and field.kind is not FieldKind.LIST:
        check.wrong((*path, "field"), f"a field of kind {field.kind}", "a field of kind list")
