"""Writing a person's wishes: the present state is read before every YES, and a refusal stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from hub.api import (
    WHOLE_SCOPE,
    Consent,
    Misconfigured,
    Record,
    RecordState,
    Result,
    Stance,
    Verdict,
    Write,
)
from plugins.hubspot.answers import named
from plugins.hubspot.batches import Batch, Input, Outcome
from plugins.hubspot.client import PREFERENCES, Api
from plugins.hubspot.mapping import LEGAL_BASES, STATES, ConsentMapper, fold
from plugins.hubspot.reading import Reader

WORST = (
    Verdict.UNKNOWN,
    Verdict.RETRYABLE,
    Verdict.REFUSED,
    Verdict.PERMANENT,
    Verdict.OK,
)
"""A write of several wishes ends as the worst of them, in this order."""

REFUSED = frozenset({"cannot-resubscribe"})
"""Codes by which HubSpot says that the person's own refusal stands."""

GROUNDS = {
    "customer": ("LEGITIMATE_INTEREST_CLIENT", "Existing customer, recorded in the hub"),
    "work-role": ("LEGITIMATE_INTEREST_OTHER", "Concerns the person's duties at work"),
    "company-mailbox": ("NON_GDPR", "A company's address, no person's"),
}
"""Legal basis and explanation of a subscription that rests on another ground than consent, by the
hub's name for it: HubSpot must not be told of a consent that nobody gave."""

Pair = tuple[str, str]
"""Folded address and topic."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whose wishes are written: the address that the record has now, and the record."""

    email: str
    record: Record


class Consenter:
    """Carries out `WritesConsents.write_consents` for one account."""

    def __init__(
        self,
        api: Api,
        reader: Reader,
        mapper: ConsentMapper,
        *,
        legal_basis: str,
        explanation: str,
    ) -> None:
        self._api = api
        self._reader = reader
        self._mapper = mapper
        self._legal_basis = legal_basis
        self._explanation = explanation

    def write(self, batch: Sequence[Write]) -> list[Result]:
        """See `WritesConsents.write_consents`."""
        results: dict[str, Result] = {}
        subscribers: dict[str, Subscriber] = {}
        known = [write for write in batch if write.ref is not None]
        records = self._reader.fetch([write.ref for write in known if write.ref is not None])
        for write, record in zip(known, records, strict=True):
            if record is None:
                results[write.key] = Result(write.key, Verdict.PERMANENT, "not-found")
            elif not record.ref.email:
                results[write.key] = Result(write.key, Verdict.PERMANENT, "email-missing", record)
            else:
                subscribers[write.key] = Subscriber(record.ref.email, record)
        results |= self.carry_out(
            [write for write in known if write.key in subscribers], subscribers
        )
        for write in batch:
            results.setdefault(write.key, Result(write.key, Verdict.PERMANENT, "not-found"))
        return [results[write.key] for write in batch]

    def carry_out(
        self, writes: Sequence[Write], subscribers: Mapping[str, Subscriber]
    ) -> dict[str, Result]:
        """Write the wishes of those writes, whose subscribers are given by key.

        Raises ConnectorError where the present state cannot be read, before anything is written.
        """
        wishes = {
            write.key: [(fold(subscribers[write.key].email), one) for one in write.consents]
            for write in writes
        }
        asking = {
            email for some in wishes.values() for email, one in some if one.stance is Stance.YES
        }
        before = {
            (email, consent.topic): consent
            for email, said in self._reader.statuses(sorted(asking)).items()
            for consent in said
            if consent.stance is not Stance.UNDELIVERABLE
        }
        noes = {
            (email, one.topic)
            for some in wishes.values()
            for email, one in some
            if one.stance is Stance.NO and _known_form(one.topic)
        }
        outcomes: dict[Pair, Outcome] = {}
        yeses: dict[Pair, Consent] = {}
        verdicts: dict[str, list[tuple[Pair, Outcome | None]]] = {}
        for write in writes:
            archived = subscribers[write.key].record.state is not RecordState.LIVE
            for email, one in wishes[write.key]:
                pair = (email, one.topic)
                outcome = self._decided(pair, one, before, noes, archived=archived)
                if outcome is None and one.stance is Stance.YES:
                    yeses[pair] = one
                verdicts.setdefault(write.key, []).append((pair, outcome))
        # prohibitions go first, and whatever becomes of the rest
        outcomes |= self._opt_out(pair[0] for pair in noes if pair[1] == WHOLE_SCOPE)
        single = {pair: Consent(pair[1], Stance.NO) for pair in noes if pair[1] != WHOLE_SCOPE}
        outcomes |= self._set(single, began=bool(outcomes))
        outcomes |= self._kept(self._set(yeses, began=bool(outcomes)))
        return {
            write.key: self._result(
                write,
                subscribers[write.key],
                [
                    (pair, decided or outcomes[pair])
                    for pair, decided in verdicts.get(write.key, ())
                ],
                before,
            )
            for write in writes
        }

    def _decided(
        self,
        pair: Pair,
        wish: Consent,
        before: Mapping[Pair, Consent],
        noes: set[Pair],
        *,
        archived: bool,
    ) -> Outcome | None:
        """The outcome of a wish that is not to be sent, None for one that is."""
        email, topic = pair
        whole = (email, WHOLE_SCOPE)
        if wish.stance not in STATES:
            return Outcome(Verdict.PERMANENT, "stance")
        if not _known_form(topic):
            return Outcome(Verdict.PERMANENT, "topic")
        if wish.stance is Stance.NO:
            return None
        if topic == WHOLE_SCOPE:
            return Outcome(Verdict.PERMANENT, "topic")
        if pair in noes or whole in noes:
            return Outcome(Verdict.REFUSED, "refused-here")
        if whole in before:
            return Outcome(Verdict.REFUSED, "unsubscribed-from-all")
        held = before.get(pair)
        if held is not None and held.stance is Stance.NO:
            return Outcome(Verdict.REFUSED, "unsubscribed")
        if held is not None and held.stance is Stance.YES:
            return Outcome(Verdict.OK)
        return Outcome(Verdict.PERMANENT, "archived") if archived else None

    def _set(self, wishes: Mapping[Pair, Consent], *, began: bool) -> dict[Pair, Outcome]:
        """Write statuses of single topics; `began`: something of this call is written already."""
        keys = {f"{n}": pair for n, pair in zip(count(), wishes)}
        inputs = [
            Input(key, self._body(pair, wishes[pair]), ("|".join(pair),))
            for key, pair in keys.items()
        ]
        route = f"{PREFERENCES}/statuses/batch/write"
        batch = Batch(self._api, route, _of_status, _of_status_error)
        _send(batch, inputs, began=began)
        return {
            pair: replace(outcome, verdict=Verdict.REFUSED)
            if outcome.reason in REFUSED
            else outcome
            for key, pair in keys.items()
            for outcome in (batch.outcomes[key],)
        }

    def _kept(self, outcomes: Mapping[Pair, Outcome]) -> dict[Pair, Outcome]:
        """After writing YES: who said no between our reading and our writing is put back."""
        overruled = {
            pair: Consent(pair[1], Stance.NO)
            for pair, outcome in outcomes.items()
            if outcome.row is not None
            and outcome.row.get("setStatusSuccessReason") == "RESUBSCRIBE_OCCURRED"
        }
        if not overruled:
            return dict(outcomes)
        back = self._set(overruled, began=True)
        return {
            **outcomes,
            **{
                pair: Outcome(Verdict.REFUSED, "unsubscribed", outcome.row)
                if outcome.verdict is Verdict.OK
                else Outcome(Verdict.UNKNOWN, "put-back-failed")
                for pair, outcome in back.items()
            },
        }

    def _opt_out(self, emails: Iterable[str]) -> dict[Pair, Outcome]:
        """Unsubscribe addresses from everything."""
        inputs = [Input(email, email, (email,)) for email in dict.fromkeys(emails)]
        route = f"{PREFERENCES}/statuses/batch/unsubscribe-all"
        batch = Batch(self._api, route, _of_address, _of_address_error, by_unit=True)
        _send(batch, inputs, began=False)
        return {(email, WHOLE_SCOPE): outcome for email, outcome in batch.outcomes.items()}

    def _body(self, pair: Pair, wish: Consent) -> dict[str, Any]:
        body: dict[str, Any] = {
            "subscriberIdString": pair[0],
            "subscriptionId": int(pair[1]),
            "channel": "EMAIL",
            "statusState": STATES[wish.stance],
        }
        if wish.stance is Stance.YES:
            usual = (self._legal_basis, self._explanation)
            basis, explanation = GROUNDS.get(wish.evidence.get("basis", ""), usual)
            given = wish.evidence.get("legal_basis", "")
            body["legalBasis"] = given if given in LEGAL_BASES else basis
            body["legalBasisExplanation"] = wish.evidence.get("explanation") or explanation
        return body

    def _result(
        self,
        write: Write,
        subscriber: Subscriber,
        outcomes: Sequence[tuple[Pair, Outcome]],
        before: Mapping[Pair, Consent],
    ) -> Result:
        """The worst outcome, and the record with what is now known of its wishes."""
        said = {c.topic: c for pair, c in before.items() if pair[0] == fold(subscriber.email)}
        for pair, outcome in outcomes:
            if outcome.verdict is Verdict.OK and pair[1] == WHOLE_SCOPE:
                said[WHOLE_SCOPE] = Consent(WHOLE_SCOPE, Stance.NO)
            elif outcome.row is not None and (told := self._mapper.status(outcome.row)):
                said[told.topic] = told
        worst = min(
            (outcome for _, outcome in outcomes),
            key=lambda outcome: WORST.index(outcome.verdict),
            default=Outcome(Verdict.OK),
        )
        record = replace(subscriber.record, consents=tuple(said.values()))
        return Result(write.key, worst.verdict, worst.reason, record, worst.retry_after)


def _known_form(topic: str) -> bool:
    return topic == WHOLE_SCOPE or topic.isdigit()


def _send(batch: Batch, inputs: Sequence[Input], *, began: bool) -> None:
    """Send; where something is written already, a refused token ends the rest one by one."""
    try:
        batch.send(inputs)
    except Misconfigured:
        if not began and not batch.outcomes:
            raise
        for one in inputs:
            batch.outcomes.setdefault(one.key, Outcome(Verdict.RETRYABLE, "misconfigured"))


def _of_status(row: Mapping[str, Any]) -> list[str]:
    return [f"{fold(str(row.get('subscriberIdString')))}|{row.get('subscriptionId')}"]


def _of_status_error(error: Mapping[str, Any]) -> list[str]:
    emails, topics = named(error, "subscriberIdString"), named(error, "subscriptionId")
    return [f"{fold(email)}|{topic}" for email in emails for topic in topics]


def _of_address(row: Mapping[str, Any]) -> list[str]:
    return [fold(str(row.get("subscriberIdString")))]


def _of_address_error(error: Mapping[str, Any]) -> list[str]:
    return [fold(email) for email in named(error, "subscriberIdString")]
