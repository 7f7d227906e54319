"""Makes the sandbox world: synthetic Finnish people with the mess of real registers.

Deterministic: the same `n` and `seed` make the same world on every machine. Quick enough to make
a hundred thousand people for a benchmark::

    world = make_world(2000, seed=1)
    for system, payload in seeds(world).items():
        sandboxes[system].seed(payload)

No address is outside `.example` (RFC 2606), and no phone number can be rung: all begin with
+358 48 0, which is given to no operator.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime

from hub.testing import names
from hub.testing.placing import Placer, phone_notations
from hub.testing.seeds import seeds
from hub.testing.world import (
    BANGERI,
    CROWST,
    ENDED_PROJECT,
    LIVE_PROJECT,
    UNTIL,
    Entry,
    Human,
    Mess,
    World,
    collecting_later,
)

__all__ = ["SHARES", "Entry", "Human", "Mess", "World", "make_world", "phone_notations", "seeds"]

SHARES: Mapping[Mess, float] = {
    Mess.CHANGED_EMAIL: 0.03,
    Mess.SHARED_EMAIL: 0.01,
    Mess.DUPLICATE: 0.02,
    Mess.COMPANY_MAILBOX: 0.02,
    Mess.TORN_WISH: 0.03,
    Mess.HARD_BOUNCE: 0.02,
    Mess.CASE: 0.03,
    Mess.WHITESPACE: 0.03,
    Mess.NO_NAME: 0.04,
    Mess.NFD: 0.02,
    Mess.LIVE_MEMBER: 0.15,
    Mess.ENDED_MEMBER: 0.10,
    Mess.TWO_ADDRESSES: 0.01,
    Mess.NEWCOMER: 0.02,
    Mess.REGISTERED: 0.08,
}
"""The share of people given each kind of mess. The other kinds come of themselves."""

_TOGETHER = frozenset({Mess.LIVE_MEMBER, Mess.ENDED_MEMBER, Mess.REGISTERED})
"""Kinds that a person may have beside any other of `SHARES`. Of the rest each has one at most, so
that what is expected of each can be told."""
_APART = frozenset({Mess.SHARED_EMAIL, Mess.NEWCOMER})
"""Kinds that go without `_TOGETHER`: couples are held in one tool each, which may not be the one
that shows membership; newcomers are in the webinar tool alone."""
_IN_ORDER = tuple(sorted(SHARES, key=lambda kind: kind in _TOGETHER))


def make_world(n: int = 2000, seed: int = 1, *, until: datetime = UNTIL) -> World:
    """A world of `n` people in which nothing is later than `until` (aware)."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    with collecting_later():
        given = _given(rng, n)
        maker = _Maker(rng, given)
        people = [maker.human(number) for number in range(n)]
        seconds = maker.share_addresses(people)
        placer = Placer(rng, until, maker.address)
        for human in people:
            mess = given[human.id]
            placer.place(human, mess, second=human.id in seconds)
            human.mess = frozenset(mess)
    return World(people, placer.placements, until, seed)


def _given(rng: random.Random, n: int) -> list[set[Mess]]:
    """Who is given what, in the very shares that are promised."""
    given: list[set[Mess]] = [set() for _ in range(n)]
    free = list(range(n))
    rng.shuffle(free)
    for kind in _IN_ORDER:
        count = round(SHARES[kind] * n)
        if kind in _TOGETHER:
            apart = _APART | {Mess.COMPANY_MAILBOX} if kind is Mess.REGISTERED else _APART
            able = [number for number in range(n) if not given[number] & apart]
            chosen = rng.sample(able, min(count, len(able)))
        else:
            if kind is Mess.SHARED_EMAIL:
                count -= count % 2
            chosen, free = free[:count], free[count:]
        for number in chosen:
            given[number].add(kind)
    return given


class _Maker:
    """Makes people and their addresses."""

    def __init__(self, rng: random.Random, given: list[set[Mess]]) -> None:
        self.random = rng.random
        self.given = given
        self.employers = names.employers()
        self.taken: dict[str, int] = {}

    def pick(self, choices: list[str]) -> str:
        """One of them; quicker than `Random.choice`."""
        return choices[int(self.random() * len(choices))]

    def human(self, number: int) -> Human:
        """The person (or mailbox) of that number."""
        mess = self.given[number]
        employer, domain = self.employers[int(self.random() * len(self.employers))]
        first: list[str] = []
        last = title = old = ""
        swedish = False
        if Mess.COMPANY_MAILBOX in mess:
            email = self.address(self.pick(names.MAILBOXES), domain, keep=True)
        else:
            swedish = self.random() < 0.07
            givens = (names.SWEDISH_GIVEN if swedish else names.FINNISH_GIVEN)[number % 2]
            first.append(self.pick(givens))
            last = self.pick(names.SWEDISH_SURNAMES if swedish else names.FINNISH_SURNAMES)
            title = self.pick(names.SWEDISH_TITLES if swedish else names.JOB_TITLES)
            if self.random() < 0.15:
                first.append(self.pick(givens))
                mess.add(Mess.SEVERAL_NAMES)
            if Mess.NFD in mess and last.isascii():
                last = "Hämäläinen"  # so that there is something to decompose
            local = names.ascii_fold(f"{first[0]}.{last}")
            employed = self.random() < 0.6
            email = self.address(local, domain if employed else self.pick(names.PRIVATE_DOMAINS))
            if mess & {Mess.CHANGED_EMAIL, Mess.TWO_ADDRESSES}:
                earlier = self.employers[int(self.random() * len(self.employers))][1]
                old = self.address(local, earlier)
            if self.random() < 0.2:
                employer = ""
        if not (last.isascii() and "".join(first).isascii()):
            mess.add(Mess.LETTERS)
        return Human(
            id=number,
            first_names=tuple(first),
            last_name=last,
            language="sv" if swedish else "fi",
            email=email,
            old_email=old,
            phone=phone_notations(number)[0] if self.random() < 0.65 else "",
            title=title,
            employer=employer,
            companies=self._companies(mess),
            projects=self._projects(mess),
            mess=frozenset(),  # known once they are placed
        )

    def address(self, local: str, domain: str, *, keep: bool = False) -> str:
        """An address that nobody else has. Where it is taken, a number is added to the local
        part; to the domain where the local part must be kept."""
        whole = f"{local}@{domain}"
        again = self.taken.get(whole, 0) + 1
        self.taken[whole] = again
        if again == 1:
            return whole
        if keep:
            return self.address(local, f"{domain.removesuffix('.example')}{again}.example")
        return self.address(f"{local}{again}", domain)

    def _companies(self, mess: set[Mess]) -> frozenset[str]:
        share = self.random()
        if Mess.NEWCOMER in mess:
            return frozenset()
        if share < 0.3 or Mess.TWO_ADDRESSES in mess:
            mess.add(Mess.BOTH_COMPANIES)
            return frozenset((CROWST, BANGERI))
        mess.add(Mess.ONE_COMPANY)
        return frozenset((CROWST if share < 0.75 else BANGERI,))

    def _projects(self, mess: set[Mess]) -> tuple[str, ...]:
        live = (LIVE_PROJECT,) if Mess.LIVE_MEMBER in mess else ()
        return (*live, ENDED_PROJECT) if Mess.ENDED_MEMBER in mess else live

    def share_addresses(self, people: list[Human]) -> set[int]:
        """Make couples that share an address, both known to one company only. Answers who of
        each couple is the second: in the mailer, while the first is in the CRM."""
        sharing = [one for one in people if Mess.SHARED_EMAIL in self.given[one.id]]
        for first, second in zip(sharing[::2], sharing[1::2], strict=True):
            local = "perhe." + names.ascii_fold(first.last_name)
            first.email = second.email = self.address(local, names.PRIVATE_DOMAINS[0])
            second.last_name = first.last_name
            for human in (first, second):
                mess = self.given[human.id]
                human.companies = frozenset((CROWST,))
                mess -= {Mess.BOTH_COMPANIES, Mess.LETTERS}
                mess.add(Mess.ONE_COMPANY)
                if not (human.last_name.isascii() and "".join(human.first_names).isascii()):
                    mess.add(Mess.LETTERS)
        return {second.id for second in sharing[1::2]}
