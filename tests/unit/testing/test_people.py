"""The sandbox world: the same every time, with all the mess that it promises, on invented names."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime

import phonenumbers
import pytest

from hub.api import WHOLE_SCOPE, Stance
from hub.testing import names
from hub.testing.people import SHARES, Entry, Human, Mess, World, make_world, phone_notations
from hub.testing.world import (
    ASKS,
    CRM,
    ENDED_PROJECT,
    HELD,
    LIVE_PROJECT,
    MAILER,
    NEWSLETTER,
    SYSTEMS,
    WEBINAR,
)

N = 2000
OF_WEBINARS = (Mess.ONE_CONSENT, Mess.ABSENT, Mess.CANCELLED)
"""Kinds that only the registered can have."""


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(N, seed=1)


def having(world: World, kind: Mess) -> list[Human]:
    """Who has it; never nobody."""
    found = [human for human in world.people if kind in human.mess]
    assert found
    return found


def crm(held: dict[str, list[Entry]]) -> list[Entry]:
    return [entry for system in CRM.values() for entry in held.get(system, ())]


def mailer(held: dict[str, list[Entry]]) -> list[Entry]:
    return [entry for system in MAILER.values() for entry in held.get(system, ())]


@pytest.fixture(scope="module")
def held(world: World) -> dict[int, dict[str, list[Entry]]]:
    """Human -> system -> entries."""
    found: dict[int, dict[str, list[Entry]]] = {human.id: {} for human in world.people}
    for system, entries in world.placements.items():
        for entry in entries:
            found[entry.human].setdefault(system, []).append(entry)
    return found


Held = dict[int, dict[str, list[Entry]]]


def told(world: World) -> list[object]:
    told: list[object] = [asdict(human) for human in world.people]
    return told + [asdict(entry) for held in world.placements.values() for entry in held]


def test_the_same_seed_makes_the_same_world(world: World) -> None:
    assert told(make_world(N, seed=1)) == told(world)
    assert told(make_world(N, seed=2)) != told(world)


def test_a_world_is_made_quickly() -> None:
    begun = time.process_time()
    make_world(N)
    assert time.process_time() - begun < 0.3  # of our own time, whatever else the machine does


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_a_world_may_be_small(n: int) -> None:
    world = make_world(n)
    assert len(world.people) == n
    assert set(world.placements) == set(SYSTEMS)


def test_everyone_is_held_somewhere(held: Held) -> None:
    assert all(systems for systems in held.values())


def test_held_answers_for_one_person(world: World, held: Held) -> None:
    assert {s: list(e) for s, e in world.held(5).items()} == held[5]


@pytest.mark.parametrize("kind", SHARES)
def test_each_promised_kind_has_its_share(world: World, kind: Mess) -> None:
    assert world.mess()[kind] == round(SHARES[kind] * N)


def test_the_other_kinds_come_in_numbers(world: World) -> None:
    counts = world.mess()
    assert set(counts) == set(Mess)
    for kind in set(Mess) - set(SHARES):
        assert counts[kind] > N * (0.01 if kind in OF_WEBINARS else 0.1), kind
    everyone = (Mess.ONE_COMPANY, Mess.BOTH_COMPANIES, Mess.NEWCOMER)
    assert sum(counts[kind] for kind in everyone) == N


def test_no_address_is_outside_example(world: World) -> None:
    addresses = [human.email for human in world.people]
    addresses += [human.old_email for human in world.people if human.old_email]
    addresses += [entry.email for entries in world.placements.values() for entry in entries]
    for address in addresses:
        assert re.fullmatch(r"[a-z0-9.-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.example", address.lower())
    assert all(domain.endswith(".example") for _, domain in names.employers())


def test_an_address_is_only_once_in_a_scope(world: World) -> None:
    for system, entries in world.placements.items():
        seen = Counter((entry.scope, entry.email.lower()) for entry in entries)
        assert max(seen.values()) == 1, system


def test_the_five_notations_of_a_phone_are_one_number() -> None:
    notations = phone_notations(12_345)
    assert len(set(notations)) == 5
    parsed = [phonenumbers.parse(one, "FI") for one in notations]
    e164 = phonenumbers.PhoneNumberFormat.E164
    assert {phonenumbers.format_number(one, e164) for one in parsed} == {"+358480012345"}
    assert all(map(phonenumbers.is_valid_number, parsed))


def test_phones_of_one_person_are_one_number(world: World, held: Held) -> None:
    several = 0
    for human in having(world, Mess.PHONE_NOTATIONS):
        entries = [entry for each in held[human.id].values() for entry in each if entry.phone]
        numbers = [phonenumbers.parse(entry.phone, "FI") for entry in entries]
        assert {f"+{n.country_code}{n.national_number}" for n in numbers} == {human.phone}
        several += len({entry.phone for entry in entries}) > 1
    assert several == world.mess()[Mess.PHONE_NOTATIONS]


def test_phones_ring_nobody(world: World) -> None:
    phones = [human.phone for human in world.people if human.phone]
    assert len(phones) == len(set(phones))
    assert all(re.fullmatch(r"\+358480\d{6}", phone) for phone in phones)


def test_a_changed_address_is_old_in_the_mailer(world: World, held: Held) -> None:
    for human in having(world, Mess.CHANGED_EMAIL):
        assert {entry.email for entry in crm(held[human.id])} == {human.email}
        assert {entry.email for entry in mailer(held[human.id])} == {human.old_email}
        assert human.old_email != human.email


def test_a_shared_address_belongs_to_two_of_one_company(world: World, held: Held) -> None:
    by_address: dict[str, list[Human]] = {}
    for human in having(world, Mess.SHARED_EMAIL):
        by_address.setdefault(human.email, []).append(human)
    for pair in by_address.values():
        first, second = pair
        assert list(held[first.id]) == ["crowst-crm"]
        assert list(held[second.id]) == ["crowst-mailer"]
        assert first.first_names != second.first_names or first.phone != second.phone


def test_a_duplicate_is_twice_in_a_crm(world: World, held: Held) -> None:
    for human in having(world, Mess.DUPLICATE):
        twice = [entries for entries in held[human.id].values() if len(entries) == 2]
        assert twice
        first, second = next(each for system, each in held[human.id].items() if "crm" in system)
        assert first.email != second.email
        assert second.last_name == first.last_name


def test_a_company_mailbox_has_no_name(world: World, held: Held) -> None:
    for human in having(world, Mess.COMPANY_MAILBOX):
        assert human.email.partition("@")[0] in names.MAILBOXES
        for entries in held[human.id].values():
            assert all((e.first_name, e.last_name, e.title) == ("", "", "") for e in entries)


def test_a_torn_wish_is_refused_later_than_it_was_given(world: World, held: Held) -> None:
    where = Counter[str]()
    for human in having(world, Mess.TORN_WISH):
        for company in human.companies:
            (one,) = held[human.id][CRM[company]]
            in_crm = one.statuses[NEWSLETTER[company]]
            in_mailer = held[human.id][MAILER[company]][0].statuses[WHOLE_SCOPE]
            assert {in_crm[0], in_mailer[0]} == {Stance.YES, Stance.NO}
            refused, given = sorted((in_crm, in_mailer), key=lambda wish: wish[0])
            assert refused[0] is Stance.NO
            assert refused[1] and given[1] and refused[1] >= given[1]
            where["crm" if in_crm is refused else "mailer"] += 1
    assert min(where["crm"], where["mailer"]) > 10


def test_a_hard_bounce_shows_in_the_mailer(world: World, held: Held) -> None:
    for human in having(world, Mess.HARD_BOUNCE):
        assert mailer(held[human.id])
        assert all(entry.bounced for entry in mailer(held[human.id]))
    others = [human for human in world.people if Mess.HARD_BOUNCE not in human.mess]
    assert not any(entry.bounced for human in others for entry in mailer(held[human.id]))


def test_subscriptions_come_with_an_act_and_without(world: World) -> None:
    acts = Counter(
        wish[2]
        for entries in world.placements.values()
        for entry in entries
        for wish in entry.statuses.values()
        if wish[0] is Stance.YES
    )
    assert set(acts) == {"form", None}
    assert min(acts.values()) > 50


def test_noise_is_in_some_record(world: World, held: Held) -> None:
    for human in having(world, Mess.CASE):
        entries = [entry for each in held[human.id].values() for entry in each]
        assert any(e.last_name.isupper() or e.email != e.email.lower() for e in entries)
    for human in having(world, Mess.WHITESPACE):
        entries = [entry for each in held[human.id].values() for entry in each]
        assert any(e.last_name != e.last_name.strip() for e in entries)
    for human in having(world, Mess.NO_NAME):
        entries = [entry for each in held[human.id].values() for entry in each]
        assert any(not e.first_name and not e.last_name for e in entries)
    for human in having(world, Mess.NFD):
        entries = [entry for each in held[human.id].values() for entry in each]
        assert any(not unicodedata.is_normalized("NFC", e.last_name) for e in entries)


def test_names_have_finnish_letters_and_several_parts(world: World) -> None:
    for human in having(world, Mess.LETTERS):
        assert set(human.last_name + "".join(human.first_names)) & set("åäöÅÄÖé")
    for human in having(world, Mess.SEVERAL_NAMES):
        assert len(human.first_names) > 1
    assert {human.language for human in world.people} == {"fi", "sv"}


def test_members_of_each_project_are_found_where_membership_is_read(
    world: World, held: Held
) -> None:
    for human in having(world, Mess.LIVE_MEMBER):
        in_crm = any(LIVE_PROJECT in entry.projects for entry in crm(held[human.id]))
        in_mailer = any(LIVE_PROJECT in entry.tags for entry in mailer(held[human.id]))
        assert in_crm or in_mailer, "a member whom nothing shows"
    for human in having(world, Mess.ENDED_MEMBER):
        assert any(ENDED_PROJECT in entry.tags for entry in mailer(held[human.id]))
    for human in world.people:
        if Mess.LIVE_MEMBER not in human.mess:
            assert not any(LIVE_PROJECT in entry.projects for entry in crm(held[human.id]))
            assert not any(LIVE_PROJECT in entry.tags for entry in mailer(held[human.id]))


def test_nothing_is_later_than_the_end_of_the_story() -> None:
    until = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    for entries in make_world(300, until=until).placements.values():
        for entry in entries:
            assert entry.created_at <= entry.updated_at <= until
            assert all(at is None or at <= until for _, at, _ in entry.statuses.values())


def test_those_of_one_company_are_in_its_systems_only(world: World, held: Held) -> None:
    for human in world.people:
        companies = {system.partition("-")[0] for system in held[human.id] if system != WEBINAR}
        assert companies == set(human.companies)


def registrations(held: dict[str, list[Entry]]) -> list[Entry]:
    return held.get(WEBINAR, [])


def test_a_newcomer_is_known_to_the_webinar_tool_alone(world: World, held: Held) -> None:
    for human in having(world, Mess.NEWCOMER):
        assert set(held[human.id]) == {WEBINAR}


def test_two_addresses_are_each_known_to_one_company(world: World, held: Held) -> None:
    used = set()
    for human in having(world, Mess.TWO_ADDRESSES):
        mine = held[human.id]
        assert {entry.email for entry in mine["crowst-crm"]} == {human.email}
        assert {entry.email for entry in mine["bangeri-crm"]} == {human.old_email}
        (address,) = {entry.email for entry in registrations(mine)}
        assert address in (human.email, human.old_email)
        used.add(address == human.email)
    assert used == {True, False}


def test_a_consent_may_be_for_one_company_only(world: World, held: Held) -> None:
    where = Counter[str]()
    for human in having(world, Mess.ONE_CONSENT):
        for entry in registrations(held[human.id]):
            yes = [one for one, title in ASKS.items() if entry.statuses[title][0] is Stance.YES]
            where.update(yes if len(yes) == 1 else ())
    assert min(where["crowst"], where["bangeri"]) > 10


def test_those_who_stayed_away_and_those_who_cancelled(world: World, held: Held) -> None:
    for human in having(world, Mess.ABSENT):
        held_one = [entry for entry in registrations(held[human.id]) if entry.scope == HELD]
        assert [(entry.standing, entry.came) for entry in held_one] == [("approved", False)]
    for human in having(world, Mess.CANCELLED):
        cancelled = [one for one in registrations(held[human.id]) if one.standing == "denied"]
        assert cancelled
        assert not any(entry.came or entry.asked or entry.polled for entry in cancelled)
