"""From the checked configuration to the values that the rest of the hub works with."""

from __future__ import annotations

from datetime import timedelta

from hub.api import Rate
from hub.domain.landscape import (
    ActivityMap,
    ByHand,
    Controller,
    FieldKind,
    FieldMap,
    GroundRule,
    Guard,
    Landscape,
    MemberRule,
    ProfileField,
    Project,
    Purpose,
    RightsPolicy,
    Schedule,
    Stream,
    System,
    TopicMap,
)
from hub.domain.rights import DataCategory
from hub.settings.checks import Checker
from hub.settings.mapping import effects, topic_direction, topic_scope, yes_counts
from hub.settings.model import ManualConfig, PurposeConfig, StreamConfig, SystemConfig
from hub.settings.shape import Document

DEFAULT_BUCKET = "default"
"""The YAML name of the rate bucket that the connector API calls ""."""


_CATEGORIES = {FieldKind.EMAIL: DataCategory.CONTACT, FieldKind.PHONE: DataCategory.CONTACT}
"""Of the fields whose category is left out; the others are profile."""


def build_landscape(document: Document, check: Checker) -> Landscape:
    """The landscape of a document without mistakes."""
    return Landscape(
        controllers={
            name: Controller(name, one.name, one.business_id, one.contact)
            for name, one in document.controllers.items()
        },
        purposes={
            name: Purpose(
                id=name,
                channel=one.channel,
                controllers=frozenset(one.controllers),
                grounds=frozenset(one.grounds),
                title=one.title.model_dump(),
                retention=one.retention,
                marketing=one.marketing,
            )
            for name, one in document.purposes.items()
        },
        fields={
            name: ProfileField(
                name,
                one.kind,
                one.policy,
                tuple(one.order),
                one.category or _CATEGORIES.get(one.kind, DataCategory.PROFILE),
                one.provided,
            )
            for name, one in document.fields.items()
        },
        projects={
            name: Project(
                id=name,
                title=one.title,
                controllers=frozenset(one.controllers),
                systems=frozenset(one.systems),
                starts=one.starts,
                ends=one.ends,
                fields=frozenset(one.fields),
                members=tuple(
                    MemberRule(rule.system, rule.field or "", rule.value or "")
                    for rule in one.members
                ),
            )
            for name, one in document.projects.items()
        },
        systems={
            name: _system(
                name, one, check.controllers_of(one), document.purposes, document.by_hand.get(name)
            )
            for name, one in document.systems.items()
        },
        mailboxes=frozenset(document.hub.mailboxes),
        clock_tolerance=document.hub.clock_tolerance,
        rights=RightsPolicy(
            cooling_off=document.rights.cooling_off or timedelta(0),
            always_second=document.rights.second_approver == "always",
            watch=tuple(document.rights.watch),
            keep=document.rights.keep,
            manual_within=document.rights.manual_within,
            remind_every=document.rights.remind_every,
        ),
    )


def rates(system: SystemConfig) -> dict[str, Rate]:
    """The rates of a system by the connector API's bucket names."""
    return {"" if name == DEFAULT_BUCKET else name: rate for name, rate in system.rate.items()}


def _system(
    name: str,
    config: SystemConfig,
    owners: tuple[str, ...],
    purposes: dict[str, PurposeConfig],
    by_hand: ManualConfig | None,
) -> System:
    return System(
        id=name,
        plugin=config.plugin,
        controllers=owners,
        project=config.project,
        country=config.location.country,
        transfer=config.location.transfer.strip(),
        schedule=Schedule() if by_hand else Schedule(config.schedule.every, config.schedule.cron),
        streams=tuple(
            _stream(stream_name, stream, owners, purposes)
            for stream_name, stream in config.streams.items()
        ),
        guard=Guard(**config.guard.model_dump()),
        enabled=config.enabled,
        by_hand=_by_hand(by_hand) if by_hand else None,
    )


def _by_hand(config: ManualConfig) -> ByHand:
    told = config.instructions.model_dump()
    return ByHand(
        config.contact,
        {language: text.strip() for language, text in told.items() if text.strip()},
        config.within,
    )


def _stream(
    name: str,
    config: StreamConfig,
    owners: tuple[str, ...],
    purposes: dict[str, PurposeConfig],
) -> Stream:
    return Stream(
        name=name,
        direction=config.direction,
        scopes=tuple(config.scopes) or ("",),
        create=config.create,
        fields=tuple(
            FieldMap(hub, one.vendor, one.direction or config.direction, one.policy, one.clear)
            for hub, one in config.fields.items()
        ),
        topics=tuple(
            TopicMap(
                topic=one.topic,
                scope=topic_scope(one, config),
                effects=effects(one, owners, purposes),
                direction=topic_direction(one, config, owners),
                yes_counts=yes_counts(one, owners),
                no_counts=one.no_counts,
            )
            for one in config.topics
        ),
        grounds=tuple(
            GroundRule(one.ground, purpose, one.field, frozenset(one.values), one.basis)
            for one in config.grounds
            for purpose in one.purpose
        ),
        full_every=config.full_every,
        activities=tuple(
            ActivityMap(kind, one.needs, one.field, one.value or "")
            for kind, one in config.activities.items()
        ),
    )
