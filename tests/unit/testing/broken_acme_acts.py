"""Connectors that each fail a data subject in one way: what they do, and what they say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.api import (
    Act,
    ConnectorError,
    Consent,
    Page,
    RecordState,
    Ref,
    Result,
    Sought,
    Stance,
    Verdict,
    Verification,
    Write,
)
from tests.unit.testing.acme import Acme


def fine(batch: Sequence[Write]) -> list[Result]:
    """OK to everything."""
    return [Result(one.key, Verdict.OK, "done") for one in batch]


# correcting


class RectifiesByAddress(Acme):
    """Corrects what has the address, wherever it is first found."""

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        refs = [Ref("people", "main", "", one.ref.email if one.ref else "") for one in batch]
        found = self.fetch(stream, refs)
        pairs = zip(batch, found, strict=True)
        return super().rectify(stream, [replace(w, ref=r.ref if r else w.ref) for w, r in pairs])


class RectifiesTheWholeRecord(Acme):
    """Sends every field along, empty where nothing is named."""

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        empty = dict.fromkeys(("city", "title"), "")
        return super().rectify(
            stream, [replace(one, fields={**empty, **one.fields}) for one in batch]
        )


class RectifiesWhoIsNotThere(Acme):
    """Makes the record that it should correct."""

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        present = self.fetch(stream, [one.ref for one in batch if one.ref])
        made = [
            replace(one, ref=None, fields={**one.fields, "email": one.ref.email or ""})
            for one, record in zip(batch, present, strict=True)
            if one.ref and record is None
        ]
        keys = {one.key for one in made}
        rest = [one for one in batch if one.key not in keys]
        return [*self.send(made), *super().rectify(stream, rest)]


class RectifiesTheLiving(Acme):
    """Brings back what it corrects."""

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        self.act([replace(one, fields={}) for one in batch], "restore")
        return super().rectify(stream, batch)


# erasing


class ErasesByAddress(Acme):
    """Looks the address up first."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        refs = [Ref("people", "main", "", one.ref.email if one.ref else "") for one in batch]
        pairs = zip(batch, self.fetch(stream, refs), strict=True)
        return super().erase(stream, [replace(w, ref=r.ref if r else w.ref) for w, r in pairs])


class ErasesInEveryScope(Acme):
    """Erases the person, though one record was meant."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        emails = [record.ref.email for record in self.fetch(stream, refs_of(batch)) if record]
        for held in self.located(Sought([email for email in emails if email])):
            super().erase(stream, [Write("all", held.ref, held.ref.scope, {})])
        return fine(batch)


class ErasesNothing(Acme):
    """Says that it is done."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return fine(batch)


class AbsentIsAnError(Acme):
    """Takes a record that is no longer there for a failure."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return self.act(batch, "erase")


class ErasesWithATrace(Acme):
    """Puts the address of who is not there on a list, as HubSpot does."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        results = super().erase(stream, batch)
        absent = {one.key for one in results if one.reason == "absent"}
        for one in batch:
            if one.key in absent and one.ref and one.ref.email:
                self.send([Write("blocked", None, "main", {"email": one.ref.email})])
        return results


class ErasesOnlyTheFirst(Acme):
    """One answer for a whole batch."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return super().erase(stream, batch[:1])


class GivesUpOnErrors(Acme):
    """One failure is final."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        try:
            return super().erase(stream, batch)
        except ConnectorError:
            return [Result(one.key, Verdict.PERMANENT, "failed") for one in batch]


class NamesWhoIsErased(Acme):
    """Puts the address into the reason."""

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        emails = [ref.email for ref in refs_of(batch)]
        return [replace(one, reason=f"erased {emails}") for one in super().erase(stream, batch)]


# proving


class ProvesByHope(Acme):
    """What was asked for is done."""

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        return [Verification(ref, True, "done") for ref in refs]


class ProvesByErrors(Acme):
    """Takes a vendor that fails for one that has nothing."""

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        try:
            return super().verify(refs, act)
        except ConnectorError:
            return [Verification(ref, True, "not found") for ref in refs]


class ArchivedIsErased(Acme):
    """Archived counts as gone."""

    def shown(self, ref: Ref, act: Act, person: Mapping[str, Any] | None) -> Verification:
        gone = person is None or person["archived"]
        return super().shown(ref, act, None if gone else person)


class ProvesInItsOwnOrder(Acme):
    """Answers by id."""

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        return sorted(super().verify(refs, act), key=lambda one: one.ref.id)


# restricting


class RestrictsByUnsubscribing(Acme):
    """Stops the mails in the way that reads back as a withdrawal."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        refusal = (Consent("news", Stance.NO),)
        return super().restrict(stream, [replace(one, consents=refusal) for one in batch])


class RestrictsByErasing(Acme):
    """What is gone is in no use."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return self.erase(stream, batch)


class HidesTheRestricted(Acme):
    """Leaves the restricted out of what it reads."""

    def page(
        self,
        records: Sequence[Any],
        rejected: Sequence[Any],
        cursor: tuple[bool, str, str],
        full: bool,
        more: bool,
    ) -> Page:
        paused = self.lookup([one.ref for one in records])
        pairs = zip(records, paused, strict=True)
        seen = [record for record, person in pairs if person and not person["paused"]]
        return super().page(seen, rejected, cursor, full, more)


class RestrictsNobody(Acme):
    """Says that it is done."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return fine(batch)


class RestrictsTheFirstOfAPage(Acme):
    """Restricts somebody besides."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        page = next(iter(self.read(stream, "main", None)))
        super().restrict(stream, [Write("all", one.ref, "main", {}) for one in page.records])
        return super().restrict(stream, batch)


class RestrictsWhoIsNotThere(Acme):
    """Makes the record that it should restrict."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        for ref in refs_of(batch):
            self.send([Write("made", None, "main", {"email": ref.email or ""})])
        return super().restrict(stream, batch)


class NamesTheRestricted(Acme):
    """Remembers the person instead of the state."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        results = super().restrict(stream, batch)
        memo = ",".join(str(ref.email) for ref in refs_of(batch))
        return [replace(one, memo=memo) for one in results]


class RemembersTheLastState(Acme):
    """Restricted twice, it remembers that it was restricted."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        before = self.verify(refs_of(batch), Act.RESTRICT)
        memo = "paused" if any(one.done for one in before) else "in use"
        return [replace(one, memo=memo) for one in super().restrict(stream, batch)]

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        stays = [one for one in batch if one.memo == "paused"]
        rest = [one for one in batch if one.memo != "paused"]
        return [*fine(stays), *super().lift(stream, rest)]


class LiftsNothing(Acme):
    """Says that it is done."""

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return fine(batch)


class LiftsToSubscribed(Acme):
    """Whoever was restricted had a subscription."""

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        yes = (Consent("news", Stance.YES),)
        return super().lift(stream, [replace(one, consents=yes) for one in batch])


class LiftsToLive(Acme):
    """Whoever was restricted was live."""

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        self.act(batch, "restore")
        return super().lift(stream, batch)


class ArchivesForgetfully(Acme):
    """Archives, and takes an archived record for one that had been archived by others."""

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        states = [record.state if record else "" for record in self.fetch(stream, refs_of(batch))]
        results = self.act(batch, "archive")
        return [replace(one, memo=str(s)) for one, s in zip(results, states, strict=True)]

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        stays = [one for one in batch if one.memo == RecordState.ARCHIVED]
        rest = [one for one in batch if one.memo != RecordState.ARCHIVED]
        return [*fine(stays), *self.act(rest, "restore")]

    def shown(self, ref: Ref, act: Act, person: Mapping[str, Any] | None) -> Verification:
        paused = person and {**person, "paused": person["archived"]}
        return super().shown(ref, act, paused)


class LiftsInAnOutage(Acme):
    """Takes silence for consent."""

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        try:
            return super().lift(stream, batch)
        except ConnectorError:
            return fine(batch)


def refs_of(batch: Sequence[Write]) -> list[Ref]:
    """The records that are meant."""
    return [one.ref for one in batch if one.ref]
