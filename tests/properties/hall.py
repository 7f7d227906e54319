"""The joint webinars of the town, who did what there, and what the hub may keep of it.

What the hub collected is read from its own table, for nobody else has it. Each activity belongs to
one controller's person; whose it is, is told by the records that the person has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from properties.oracle import Oracle, Violation, begun, over
from support.accounts import QUESTIONS, WEBINARS, Webinar

from hub.delivery.deployment import Deployment
from hub.store import activities
from hub.store.activities import activity
from hub.store.erasing import GONE
from hub.store.links import link
from hub.store.people import person
from hub.testing.clock import ManualClock
from hub.testing.world import COMING, WEBINAR
from hub.vault.database import read_only

PROFILING = frozenset({"poll", "mail-opened", "mail-clicked"})
"""What is collected only while profiling is permitted (config/sandbox.yaml)."""
BY_HAND = COMING
"""The webinar whose host approves each registration."""


class Kept(NamedTuple):
    """One activity that the hub keeps."""

    id: int
    controller: str
    human: str
    system: str
    kind: str
    at: datetime


class Hall:
    """Registrations, and what they may lead to."""

    def __init__(self, world: Any, clock: ManualClock, oracle: Oracle) -> None:
        self.clock = clock
        self.oracle = oracle
        self.webinar = {name: Webinar(world, name) for name in WEBINARS}
        self.webinar[BY_HAND].there.approval = "manual"
        self.human: dict[str, str] = {}  # registrant's id -> whose
        self.made = 0
        self._closed: dict[tuple[str, str], tuple[int, str]] = {}
        # (controller, human) -> the newest activity when it was closed, and why

    # what people and the host do

    def register(self, who: str, webinar: str, address: str, yes: Collection[str]) -> bool:
        """The person fills in the form; `yes` are the questions that they agree to. Answers
        whether that was still possible."""
        there = self.webinar[webinar]
        if there.over():
            return False
        now, first = self.clock.now(), f"{who}kanaria"
        last, company, title = (self._value(name) for name in ("nimi", "yritys", "titteli"))
        there.registers(address, yes, f"{first} {last}", org=company, job_title=title)
        self.human[there.registrant(address).id] = who
        self.oracle.registers(now, address, first, last, company, title)
        self.oracle.joins(_place(webinar), who)
        if not over(now):  # afterwards it is no longer read
            for question in yes:
                for controller, purpose in QUESTIONS[question]:
                    self.oracle.consents(controller, address, purpose, now)
        return True

    def decide(self, who: str, webinar: str, act: str) -> None:
        """Cancel (the person), approve or deny (the host), or delete from the list."""
        there = self.webinar[webinar]
        for one in self._registrants(who, webinar):
            if act == "cancel" and one.status == "pending":
                continue  # has nothing to cancel by
            getattr(there, f"{act}s" if act != "deny" else "denies")(one.email)
            if act == "approve":
                self.oracle.joins(_place(webinar), who)
        if act != "approve":
            self.left(who, webinar)

    def left(self, who: str, webinar: str) -> None:
        """Somebody was taken off the list: with no other registration there they have left."""
        if not any(one.status != "denied" for one in self._registrants(who, webinar)):
            self.oracle.leaves(_place(webinar), who)

    def hold(self, webinar: str, came: Collection[str]) -> None:
        """The webinar takes place; those who come ask something and answer the poll."""
        there = self.webinar[webinar]
        if len(there.there.instances) == 2:
            return  # often enough
        addresses = [
            one.email
            for who in came
            for one in self._registrants(who, webinar)
            if one.status == "approved"
        ]
        said = [
            {"email": one, "question": self._value("kysymys"), "answer": self._value("vastaus")}
            for one in addresses
        ]
        there.is_held(addresses, qa=said, polls=said)

    def _registrants(self, who: str, webinar: str) -> list[Any]:
        held = self.webinar[webinar].there.registrants.values()
        return [one for one in held if self.human.get(one.id) == who]

    def _value(self, name: str) -> str:
        """A value of the joint tool alone."""
        self.made += 1
        return f"Yhteiskanaria{name}{self.made}"

    # what the hub may keep

    def closed_for(self, deployment: Deployment, controller: str, human: str, why: str) -> None:
        """From now on nothing more is collected of a human for that controller."""
        with read_only(deployment.database).connect() as connection:
            newest = connection.scalar(sa.select(sa.func.max(activity.c.id))) or 0
        self._closed.setdefault((controller, human), (newest, why))

    def at_rest(
        self,
        deployment: Deployment,
        humans: Mapping[tuple[str, str, str], str],
        unclear: Collection[tuple[str, str, str]],
    ) -> None:
        """Hold what the hub keeps against what it may keep; `humans` tells whose a record of the
        other tools is, `unclear` are records whose person a handler has yet to name. Raises
        Violation."""
        kept = self._kept(deployment, humans)
        for one in kept:
            self._judge(one)
        now = self.clock.now()
        if begun(now) and not over(now) and not unclear:
            self._complete(kept)

    def lawful(self, deployment: Deployment, humans: Mapping[tuple[str, str, str], str]) -> None:
        """As `at_rest`, where requests are carried out: nothing of before is kept of who was
        erased. Raises Violation."""
        erased = sa.select(activity.c.person_id).join_from(
            activity, person, activity.c.person_id == person.c.id
        )
        with read_only(deployment.database).connect() as connection:
            left = connection.scalars(erased.where(person.c.profile == GONE)).all()
        if left:
            raise Violation(f"I3: activities of persons {sorted(set(left))} outlived their erasure")
        for one in self._kept(deployment, humans):
            self._judge(one)

    def kinds(self, deployment: Deployment) -> Counter[tuple[str, str]]:
        """How many activities of each kind each controller keeps."""
        return Counter((one.controller, one.kind) for one in self._kept(deployment, {}))

    def _judge(self, one: Kept) -> None:
        if one.system == WEBINAR and (over(one.at) or not begun(self.clock.now())):
            raise Violation(f"I2: {one.kind} of {one.at} is kept, and the project was not live")
        if one.system != WEBINAR and not one.system.startswith(one.controller):
            raise Violation(f"I2: {one.controller} keeps what {one.system} told of {one.human}")
        if one.kind in PROFILING:
            wish = self.oracle.wishes.get((one.controller, one.human, "profiling"))
            if wish is None or not any(act <= one.at for act in wish.acts):
                raise Violation(
                    f"profiling: {one.controller} keeps {one.kind} of {one.human} at {one.at}, "
                    "not permitted then"
                )
        newest, why = self._closed.get((one.controller, one.human), (one.id, ""))
        # under an address that no erasure knew of they are somebody new
        new = why == "erased" and self.oracle.has_other_address(one.controller, one.human)
        if one.id > newest and not new:
            raise Violation(f"{why}: {one.kind} of {one.human} was collected afterwards")

    def _complete(self, kept: Collection[Kept]) -> None:
        """Who is registered is known to be so to both companies."""
        known = {(one.controller, one.human, one.at) for one in kept if one.kind == "registered"}
        for webinar, there in self.webinar.items():
            for one in there.there.registrants.values():
                human, at = self.human[one.id], datetime.fromisoformat(one.create_time)
                for controller in ("crowst", "bangeri"):
                    if (controller, human) in self._closed or (controller, human, at) in known:
                        continue
                    raise Violation(
                        f"collected: {controller} does not know that {human} registered to "
                        f"{webinar} at {at}"
                    )

    def _kept(
        self, deployment: Deployment, humans: Mapping[tuple[str, str, str], str]
    ) -> list[Kept]:
        where = (link.c.system, link.c.scope, link.c.external_id)
        with read_only(deployment.database).connect() as connection:
            owners = {
                row.person_id: self.human.get(row.external_id)
                or humans.get((row.system, row.scope, row.external_id), "?")
                for row in connection.execute(sa.select(link.c.person_id, *where))
            }
            columns = (*(activity.c[name] for name in activities.Stored._fields),)
            query = sa.select(*columns, person.c.controller).join_from(
                activity, person, activity.c.person_id == person.c.id
            )
            rows = [(activities.Stored(*row[:-1]), row[-1]) for row in connection.execute(query)]
        keys = deployment.vault.open_keys({row.key_id for row, _ in rows})
        return [
            Kept(
                row.id,
                controller,
                owners.get(row.person_id, "?"),
                row.system,
                row.open(keys[row.key_id]).kind,
                row.at,
            )
            for row, controller in rows
        ]


def _place(webinar: str) -> str:
    return f"{WEBINAR}/{webinar}"
