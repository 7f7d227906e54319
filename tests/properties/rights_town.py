"""The town with a handler in it: requests of all rights, carried out over the four accounts.

Who is at work is known by the story: what a vendor receives while tasks are worked on is a rights
act, everything else the sync's. Both are read from the journals and held against the oracle.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from properties.journals import Written, written
from properties.ledger import CANARY, search
from properties.oracle import HELSINKI, SYSTEM_OWNER, Violation, owners_of
from properties.rights_handler import CONFIRMER, NOTE, STRANGER, RightsHandler
from properties.rights_journals import acts
from properties.rights_ledger import audited, settled
from properties.rights_oracle import Asked, Record
from properties.town import SYSTEMS
from support.accounts import CONTACT_FIELDS, CONTROLLERS, MEMBER_FIELDS
from support.postgres import Postgres

from hub.rights import decide
from hub.store import audit, people
from hub.testing.world import WEBINAR
from hub.vault.database import read_only
from plugins.mailer.sandbox_audience import address_hash

TRIES = 14


class RightsTown(RightsHandler):
    """The world, what is true in it, and the requests."""

    # judging

    def judge(self) -> None:
        """What the sync wrote since the last look."""
        if self.rights is None:
            return
        new: list[Written] = []
        for system in SYSTEMS:
            journal = self.world.sandbox(system).journal
            new += written(system, journal, self.read[system])
            self.read[system] = len(journal)
        for system, scope, id_, address in self.shown():  # made by the hub meanwhile
            for name in (id_, address_hash(address)):
                self.last.setdefault((system, scope, name), address)
        for one in sorted(new, key=lambda one: one.at):
            self.log.append(one)
            address = self._address_of(one)
            self.law.synced(one, address, (one.system, one.scope, self._id_of(one)))
            for name, value in one.fields.items():
                self.oracle.crossed(one, SYSTEM_OWNER[one.system], name, value, address)
        self._remember()
        self._know()

    def _id_of(self, one: Written) -> str:
        return self.handles.get((one.system, one.scope, one.id), one.id)

    def judge_rights(self) -> None:
        """What tasks wrote since the last look."""
        for system in SYSTEMS:
            journal = self.world.sandbox(system).journal
            done, corrected = acts(system, journal, self.read[system])
            self.read[system] = len(journal)
            for act in done:
                id_ = self.handles.get((act.system, act.scope, act.handle), act.handle)
                record = (act.system, act.scope, id_)
                human = self.humans.get(record)
                self.acted_log.append((act, human))
                born = self.born.get(record, act.at)  # of what no right asks for there is no record
                known = self.graves.get(record)
                self.law.acted(act, record, human, born, _values(known[1]) if known else ())
                if act.system == WEBINAR and human:
                    self.hall.left(human, act.scope)
            for one in corrected:
                record = (one.system, one.scope, self._id_of(one))
                human = self.humans.get(record)
                self.corrected_log.append((one, human))
                self.law.corrected(one, human, _before(self.graves.get(record)))
        self._remember()
        self._know()
        self.learn()
        self._own_copy_last()

    def _know(self) -> None:
        """Whom the hub knows by which address, while it still does."""
        deployment = self.world.deployment
        with read_only(deployment.database).connect() as connection:
            for address, human in self.oracle.human_of.items():
                for controller in CONTROLLERS:
                    digest = deployment.identities.email(controller, address)
                    for found in people.find(connection, controller, "email", [digest]).values():
                        if found.person_id is not None:
                            self.account.human_of_person[found.person_id] = human

    def _own_copy_last(self) -> None:
        for number, request in self.law.asked.items():
            if request.right != "erasure" or request.ended:
                continue
            tasks = self.desk.tasks(number)
            own = tasks.get(("hub", "records"))
            if own is not None and own.state in ("verified", "not_held"):
                by_hand = {s for (s, _), t in tasks.items() if t.state == "awaiting_external"}
                but = by_hand | set(request.exempt)
                self._nothing_left(request, but, "order: its own copy went first, and")

    def closed(self, request: Asked) -> None:
        """What must be true at every vendor once a request was answered."""
        states = self.desk.tasks(request.number)
        for system in SYSTEMS:
            mine = not set(owners_of(system)).isdisjoint(request.controllers)
            if mine and (system, "records") not in states:
                raise Violation(f"I8: request {request.number} closed without {system}")
        if request.right == "erasure":
            self._nothing_left(request, set(request.exempt), "I8: closed, and")
            self._dead_values(request)
        if request.right == "restriction":
            self._all_restricted(request)
        if request.right == "rectification":
            self._all_correct(request)

    def _nothing_left(self, request: Asked, but: set[str], what: str) -> None:
        assert request.started is not None
        for record, address, _ in self._everything():
            system = record[0]
            if system in but or record in self.reborn:
                continue
            if self.born[record] > request.started:
                continue
            if self.law.is_admitted(record, request.who):
                continue
            if request.about(record, address):
                raise Violation(f"{what} {record} of {address} is there (request {request.number})")

    def grounds_end(self) -> None:
        """The day comes on which no ground keeps anything any more: it is erased without anybody
        asking again."""
        ends = [
            until
            for request in self.law.asked.values()
            if request.ended == "closed" or request.approved
            for until in request.exempt.values()
        ]
        if not ends:
            return
        day = max(ends) - self.clock.now().astimezone(HELSINKI).date()
        self.watches(max(0, day.days) + 0.01)
        self.rest()
        for request in self.law.asked.values():
            if request.exempt and request.ended == "closed":
                self._nothing_left(request, set(), "exempt: its time is over, and")

    def _dead_values(self, request: Asked) -> None:
        asked = set(request.controllers)
        held = {
            str(value)
            for record, _, one in self._everything()
            if not asked.isdisjoint(owners_of(record[0]))
            for value in _values(one)
        }
        self.law.dead[request.number] = self.law.of_person(request) - held
        for record, address, one in self._everything():
            if not asked.isdisjoint(owners_of(record[0])) or record in self.reborn:
                continue
            if self.oracle.human_of.get(address) != request.who or not self.calm:
                continue
            left = {str(value) for value in _values(one)} & self.law.dead[request.number]
            if left and self._knew(request):
                raise Violation(f"crossed: {record} still has {left} of request {request.number}")

    def _knew(self, request: Asked) -> bool:
        """Whether the hub had to know that both companies' records are one human's."""
        return bool(request.records)

    def _all_restricted(self, request: Asked) -> None:
        assert request.started is not None
        if request.lifted:
            return
        for record, address, one in self._everything():
            system, scope, _ = record
            if record in self.reborn or self.born[record] > request.started:
                continue
            if system == WEBINAR or not request.about(record, address):
                continue  # there a person confirms that it was done by hand
            if scope:
                stopped = one.status != "subscribed" or self._since(request)
            else:
                stopped = one.archived is not None or one.properties.get("hub_restricted") == "true"
            if not stopped:
                raise Violation(f"I5: {record} is not restricted (request {request.number})")

    def _since(self, request: Asked) -> bool:
        return any(
            at > request.started and who == request.who
            for at, _, who in self.law.acts
            if request.started
        )

    def _all_correct(self, request: Asked) -> None:
        for record, address, one in self._everything():
            if record in self.reborn or request.started is None:
                continue
            if self.born[record] > request.started or _put_aside(one):
                continue
            if record[0] == WEBINAR or not request.about(record, address):
                continue  # there a person confirms that it was done by hand
            if self._edited.get(record, request.started) > request.started:
                continue
            for name, value in request.corrections.items():
                if self.law._changed(request, name):
                    continue
                if value not in {str(held) for held in _values(one)}:
                    raise Violation(f"rectified: {record} lacks {name}={value}")

    _edited: dict[Record, Any] = {}  # noqa: RUF012 - replaced in each story

    def edited(self, record: Record) -> None:
        """Staff changed a record."""
        self._edited = {**self._edited, record: self.clock.now()}

    # rest

    def tidies(self) -> None:
        """Faults end, and everything that was begun is brought to its end by a diligent handler."""
        self.mend()
        for system in list(self.disabled):
            self.disable(system, on=True)
        for number, request in self.law.asked.items():
            if request.on_hold and not request.ended:
                self.decides(
                    lambda n=number: decide.hold(self.world.deployment, n, "cli:handler", on=False)
                )
        for _ in range(TRIES):
            before = len(self.acted_log), len(self.corrected_log)
            self.clock.advance(3700)
            self.sync(full=True)
            self.works()
            self.judges_matches()
            self.confirms()
            for number, request in self.law.asked.items():
                row = self.desk.row(number)
                if row.state == "planned" and (request.started or request.cooling):
                    for actor in ("cli:handler", "cli:second"):
                        self.approves(number, actor)
            open_ = self._unfinished()
            moved = (len(self.acted_log), len(self.corrected_log)) != before
            for number in self.law.asked:
                self.closes(number)
            self.waits_for_cooling()
            if not self._unfinished():
                # persons are not merged while a request is about one of them, and whoever is no
                # more restricted is written again
                if open_ or moved:
                    self.sync(full=True)
                    self.works()
                break
            with suppress(decide.CannotDecide):
                for number in self._unfinished():
                    decide.retry(self.world.deployment, number, "cli:handler")
        else:
            stuck = {n: (self.desk.row(n).state, self.desk.states(n)) for n in self._unfinished()}
            raise Violation(f"stuck: {stuck}")

    def _unfinished(self) -> list[int]:
        return [
            n for n, one in self.law.asked.items() if (one.started or one.cooling) and not one.ended
        ]

    def rest(self) -> None:
        """Now all must be as it should be."""
        self.tidies()
        before = len(self.log), len(self.acted_log), len(self.corrected_log)
        self.clock.advance(60)
        self.sync(full=True)
        self.works()
        if (len(self.log), len(self.acted_log), len(self.corrected_log)) != before:
            news = self.log[before[0] :], self.acted_log[before[1] :]
            raise Violation(f"I4: nothing changed, and yet written: {news}")
        self.oracle.at_rest(self.shown())
        self.hall.lawful(self.world.deployment, self.humans)
        with read_only(self.world.deployment.database).connect() as connection:
            settled(connection, self)
            audited(connection, self.heads)
            self.heads.append(audit.head(connection))

    def searched(self) -> None:
        """Nobody's data lies clear anywhere, a handler's name included."""
        said = [f"{one.reason} {one.mend}" for one in self.world.reports]
        search(self.folder, [*said, *self.spoken])
        if self.url and (rows := Postgres(self.url).rows_with({CANARY: "a canary"})):
            raise Violation(f"I9: in the clear in {rows}")


def _before(known: tuple[str, Any] | None) -> dict[str, Any]:
    """What a record held when it was last looked at, by the hub's names."""
    if known is None:
        return {}
    held = getattr(known[1], "properties", None) or known[1].merge_fields
    names = CONTACT_FIELDS if hasattr(known[1], "properties") else MEMBER_FIELDS
    return {name: held.get(vendor) for name, vendor in names.items()}


def _values(one: Any) -> list[Any]:
    if hasattr(one, "create_time"):  # a registrant
        return [one.first_name, one.last_name, *one.values.values()]
    return list((getattr(one, "properties", None) or one.merge_fields).values())


def _put_aside(one: Any) -> bool:
    return getattr(one, "archived", None) is not None or getattr(one, "status", "") == "archived"


__all__ = ["CONFIRMER", "NOTE", "STRANGER", "RightsTown"]
