"""`rights:`, and systems that nothing connects."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.settings_world import BASE, Load, Mistakes, Spoil, spoiled

from hub.domain.landscape import ByHand, RightsPolicy, Schedule
from hub.settings.schema import schema

BINDER = """\
  binder:
    plugin: manual
    owner: crowst
    location: {country: FI}
    settings:
      contact: Arkisto, 2. kerros
      instructions: {fi: Hylly B, sv: "  "}
      within: 5d
"""


@pytest.fixture
def spoil_binder(mistakes_of: Mistakes) -> Spoil:
    """Replace a passage of the base with the binder in it; answers the messages, having checked
    that they stand where the marks (§) are."""

    def _spoil(old: str, new: str) -> list[str]:
        text, marks = spoiled(old, new, BASE + BINDER)
        mistakes = mistakes_of(text)
        if marks:
            assert [(m.place.line, m.place.column) for m in mistakes] == marks
        return [str(m).removeprefix(f"{m.place}: ") for m in mistakes]

    return _spoil


def with_binder(old: str = "", new: str = "") -> str:
    text = BASE + BINDER
    assert old in text
    return text.replace(old, new) if old else text


def test_left_out_it_is_the_domains_own(load_text: Load) -> None:
    assert load_text(BASE).landscape.rights == RightsPolicy()


def test_every_choice_reaches_the_landscape(load_text: Load) -> None:
    text = (
        "rights:\n  cooling_off: 24h\n  second_approver: always\n  watch: [2d, 14d]\n"
        "  keep: 24 months\n  manual_within: 5d\n  remind_every: 1d\n"
    )
    assert load_text(BASE + text).landscape.rights == RightsPolicy(
        cooling_off=timedelta(days=1),
        always_second=True,
        watch=(timedelta(days=2), timedelta(days=14)),
        keep=timedelta(days=730, hours=12),
        manual_within=timedelta(days=5),
        remind_every=timedelta(days=1),
    )
    assert load_text(f"{BASE}rights: {{watch: []}}\n").landscape.rights.watch == ()


@pytest.mark.parametrize(
    ("rights", "message"),
    [
        (
            "{watch: [1d, §1d, 7d]}",
            "rights.watch[1]: a time no later than the one before it; expected ascending times, "
            "such as [1d, 7d]",
        ),
        (
            "{keep: 20d, watch: [1d, §30d]}",
            "rights.watch[1]: a time when the case file has ended (keep: 20d); expected an earlier "
            "one: without the case file nobody knows whom to look for",
        ),
        (
            "{second_approver: §alway}",
            'rights.second_approver: found "alway"; expected one of needed, always. Did you mean '
            '"always"?',
        ),
        (
            "{cooling_off: §soon}",
            'rights.cooling_off: found "soon"; expected a duration such as 90s, 5m, 24h, 7d, 2w or '
            "24 months",
        ),
        (
            "{§cooling: 1d}",
            'rights: unknown key "cooling"; expected one of cooling_off, second_approver, watch, '
            'keep, manual_within, remind_every. Did you mean "cooling_off"?',
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(spoil: Spoil, rights: str, message: str) -> None:
    assert spoil("hub:\n", f"rights: {rights}\nhub:\n") == [message]


def test_a_manual_system(load_text: Load) -> None:
    settings = load_text(with_binder())
    binder = settings.landscape.systems["binder"]
    assert binder.by_hand == ByHand("Arkisto, 2. kerros", {"fi": "Hylly B"}, timedelta(days=5))
    assert (binder.streams, binder.schedule, binder.synced) == ((), Schedule(), False)
    assert settings.landscape.systems["crm"].synced
    short = load_text(with_binder(BINDER[BINDER.index("      instructions") :], ""))
    assert short.landscape.systems["binder"].by_hand == ByHand("Arkisto, 2. kerros")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "      within: 5d\n",
            "      within: §often\n",
            # what stands in settings is never quoted: it may be a secret
            "systems.binder.settings.within: found a value that is kept secret; expected a "
            "duration such as 90s, 5m, 24h, 7d, 2w or 24 months",
        ),
        (
            "fi: Hylly B",
            "§de: Regal B",
            'systems.binder.settings.instructions: unknown key "de"; expected one of fi, sv, en',
        ),
        (
            "    settings:\n      contact: Arkisto, 2. kerros\n",
            "    §settings:\n",
            "systems.binder.settings.contact: missing; expected who does there what a request "
            "asks: a name or an address",
        ),
        (
            "    location: {country: FI}\n    settings:\n      contact",
            "    location: {country: FI}\n    schedule: §{every: 5m}\n    settings:\n      contact",
            "systems.binder.schedule: schedule in a manual system; expected none: nothing connects "
            "it, so it is never synced. Take it out",
        ),
        (
            "    location: {country: FI}\n    settings:\n      contact",
            "    location: {country: FI}\n    streams: §{rows: {fields: {email: a}}}\n"
            "    settings:\n      contact",
            "systems.binder.streams: streams in a manual system; expected none: nothing connects "
            "it, so it is never synced. Take it out",
        ),
        (
            "    plugin: manual\n",
            "    plugin: hubspot\n",
            "systems.binder.streams: missing; expected what is synced",
        ),
    ],
)
def test_a_mistake_in_it_is_told(spoil_binder: Spoil, old: str, new: str, message: str) -> None:
    assert spoil_binder(old, new) == [message]


def test_without_any_settings_the_contact_is_missed(spoil_binder: Spoil) -> None:
    settings = BINDER[BINDER.index("    settings") :]
    assert spoil_binder(settings, "") == [
        "systems.binder.settings.contact: missing; expected who does there what a request asks: a "
        "name or an address"
    ]


def test_editors_ask_for_streams_of_every_other_system() -> None:
    system = schema()["$defs"]["SystemConfig"]
    assert system["if"]["properties"]["plugin"] == {"const": "manual"}
    assert system["else"] == {"required": ["streams"]}
    assert "streams" not in system["required"]
