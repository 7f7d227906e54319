"""One attempt at one task: locate, act, read back, in one system.

Every step is committed under the task's epoch, so that an attempt that was taken over commits
nothing more; what is done is idempotent or read back first, so that a crash at any point costs a
repetition and never a second act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from hub.api import (
    Act,
    BadAnswer,
    Capability,
    ConnectorError,
    Misconfigured,
    Ref,
    Result,
    Unavailable,
    Verdict,
    Verifies,
)
from hub.delivery.deployment import Deployment, Opened
from hub.domain.audit import Event, as_code
from hub.domain.rights import TaskState
from hub.rights import (
    acting,
    addresses,
    exporting,
    lifting,
    locating,
    manual,
    newcomers,
    own,
    postponing,
    rectify,
    refusals,
    targets,
)
from hub.rights.casefile import ref_of
from hub.rights.claiming import claim
from hub.rights.lease import Lease
from hub.rights.manual import needs_person
from hub.rights.work import Work
from hub.store import activities, deliveries
from hub.store.requests import Stale
from hub.store.together import commit
from hub.vault import VaultError
from hub.vault.database import Connection, IntegrityError, Row, SQLAlchemyError, read_only

log = structlog.get_logger(__name__)

READ_BACK = tuple(timedelta(seconds=s) for s in (1, 5, 30, 300, 3600))
"""Between read-backs of an act that the vendor took on and has not shown yet."""
SHOWN_WITHIN = 28
"""Read-backs, of a day or so, after which a person is told that it does not show; they go on."""
GONE = "gone"
"""Of a record that was found before, and that looking for it everywhere shows no more."""
LOOKS = 3
"""How often one attempt looks again for what came back while it acted."""


def attempt(deployment: Deployment, opened: Opened | None, task_id: int, why: str = "") -> None:
    """One attempt. `opened` None: the system cannot be used, `why` is the code of the reason.

    Never raises for the vendor's sake. Raises what the databases raise.
    """
    try:
        work = claim(deployment, task_id)
    except Stale:
        return  # another task of the request is being worked on: it grows with the next attempt
    if work is None:
        return
    with Lease(deployment, task_id, work.task.held_until) as lease:
        try:
            _carry_out(work, opened, why)
        except (Stale, newcomers.Grew):
            lease.release()  # another attempt has it, or the next one meets the plan that grew


def _carry_out(work: Work, opened: Opened | None, why: str) -> None:
    try:
        if work.task.system == targets.HUB:
            own.carry_out(work)
        elif opened is None:
            postponing.attention(work, why or "system-missing", timedelta(hours=1))
        else:
            _in_system(work, opened)
    except (Stale, newcomers.Grew):
        raise
    except acting.Busy as busy:
        postponing.settling(work, busy.since)
    except Misconfigured as error:
        postponing.attention(work, postponing.code(error), timedelta(hours=1))
    except Unavailable as error:
        postponing.again(work, "unavailable", error.retry_after)
    except BadAnswer:
        postponing.again(work, "bad-answer", None)
    except ConnectorError as error:
        postponing.again(work, type(error).__name__.lower(), None)
    except (SQLAlchemyError, VaultError):
        raise  # ours, not the vendor's: the slice is tried again as a whole
    except Exception as error:  # a connector's own fault must not hold up the others
        # its text may hold personal data, its type does not
        log.error("connector failed", system=work.task.system, error=type(error).__name__)
        postponing.again(work, "connector-fault", None)


def _in_system(work: Work, opened: Opened) -> None:
    deployment, task = work.deployment, work.task
    lacking = needs_person(opened.type.capabilities, task.act)
    if lacking:
        if Capability.LOCATE in opened.type.capabilities:
            _locate(work, opened)
            if not work.receipt.records:  # nobody is asked to do by hand what there is not to do
                _not_held(work, opened)
                return
        commit(deployment.database, lambda connection: manual.hand_over(work, connection, lacking))
        return
    with read_only(deployment.database).connect() as connection:
        flying = deliveries.flying_at(connection, task.system, [one.id for one in work.mine])
        lost = deliveries.of_task(connection, task.id, open_only=True)
    if flying:  # what is on its way may still arrive there: locate only afterwards
        postponing.settling(work, flying)
        return
    if lost and task.act == acting.REFUSE:
        refusals.settle_lost(work, opened, lost)
    elif lost:
        _read_back(work, opened, lost)
    for _ in range(LOOKS):
        fresh = _locate(work, opened)
        if not work.receipt.records:
            _not_held(work, opened)
            return
        if _weak(work):
            postponing.attention(work, "weak-match", None)
            return
        if task.act == acting.REFUSE:
            refusals.carry_out(work, opened)
            return
        if task.act == "locate":
            break
        if task.act == "export":
            work.receipt.export = exporting.gather(work, opened)
            break
        todo = [one for one in _counting(work) if not one.get("verified")]
        if not todo and not fresh:
            break
        if not _act(work, opened, [one for one in todo if one.get("outcome") != "ok"]):
            return
        if not _verify(work, opened, todo):
            return
        if task.act != Act.ERASE:
            break
    else:
        postponing.again(work, "keeps-coming-back", None)
        return

    def end(connection: Connection) -> None:
        work.end(
            connection,
            TaskState.VERIFIED,
            Event.TASK_VERIFIED,
            lambda held: manual.residuals(work, held, opened),
            found=str(len(work.receipt.records)),
        )

    commit(deployment.database, end)


def _not_held(work: Work, opened: Opened) -> None:
    """Nothing of the person is there, as looking for them everywhere shows. Where something once
    was, the vendor may have kept what no call reaches all the same."""

    def end(connection: Connection) -> None:
        def residuals(held: Connection) -> None:
            if work.links or activities.any_of(held, work.task.system, [o.id for o in work.mine]):
                manual.residuals(work, held, opened)

        work.end(connection, TaskState.NOT_HELD, Event.TASK_NOT_HELD, residuals)

    commit(work.deployment.database, end)


def _locate(work: Work, opened: Opened) -> bool:
    """Look for the person's records; answers whether any is new."""
    wanted = targets.sought(
        work.deployment.landscape,
        opened.system,
        work.mine,
        work.case.sought,
        work.case.phone,
    )
    # what was found before is looked at again: once the hub's own copy is gone, only the receipt
    # still knows of it
    wanted = replace(wanted, refs=(*wanted.refs, *(ref_of(one) for one in _counting(work))))
    if work.task.part == "crossed" or not targets.addressed(work.request, work.task.controllers):
        # another controller's own data is not searched: only what the hub itself wrote there
        found = locating.linked_only(opened, wanted.refs)
    else:
        found = list(locating.locate(opened, wanted))
    if work.task.act == Act.ERASE:
        whose = work.task.controllers.split()
        asked = newcomers.in_question(work, opened, found)
        found = [
            one
            for one in found
            if not newcomers.left_alone(work.deployment, opened, work.request, whose, one)
        ]
        found += asked
    if work.task.act == Act.LIFT:
        # what this request did not restrict is not for it to lift
        ours = {(one["stream"], one["scope"], one["id"]) for one in work.receipt.records}
        found = [
            one
            for one in found
            if (one.ref.stream, one.ref.scope, one.ref.id) in ours or one.by == "alias"
        ]
    newcomers.join(work, opened, found)
    addresses.learn(work, found)
    before = len(work.receipt.records)
    for one in found:
        entry = work.receipt.found(one)
        proved = entry.get("verified", "")
        if proved == GONE or (proved and work.task.act == Act.ERASE):
            # it is back: what was proved does not hold any more
            entry.pop("verified")
            entry.pop("outcome", None)
            before -= 1
    if work.task.act != Act.ERASE:  # which is read back, by another way
        there = {(one.ref.stream, one.ref.scope, one.ref.id) for one in found}
        for entry in _counting(work):
            if (entry["stream"], entry["scope"], entry["id"]) not in there:
                # somebody else deleted it since: nothing is left there to correct or to restrict
                entry["outcome"], entry["verified"] = "ok", GONE
    # committed with the next step, which comes before anything is done there
    work.found = [one.ref for one in found if work.receipt.found(one)["certain"] == "yes"]
    return len(work.receipt.records) > before


def _counting(work: Work) -> list[dict[str, str]]:
    """The records that are the person's: certain, or confirmed by a handler."""
    return [one for one in work.receipt.records if one["certain"] == "yes"]


def _weak(work: Work) -> bool:
    return any(one["certain"] == "no" for one in work.receipt.records)


def _act(work: Work, opened: Opened, todo: Sequence[dict[str, str]]) -> bool:
    """Carry out what is left to do; False where the attempt ends here."""
    deployment, now = work.deployment, work.deployment.now()
    wanted: list[tuple[dict[str, str], dict[str, Any], list[str]]] = []
    for entry in todo:
        fields: dict[str, Any] = {}
        names: list[str] = []
        if work.task.act in rectify.ACTS:
            fields, names = rectify.wanted(work, opened, entry)
            if not fields:
                entry["outcome"], entry["verified"] = "ok", "nothing-to-correct"
                continue
        wanted.append((entry, fields, names))
    if not wanted:
        return True
    if work.task.act == Act.RESTRICT:
        _remember(work, opened, todo)

    def record(connection: Connection) -> list[acting.Sent]:
        work.still(connection)
        lifting = work.task.act == Act.LIFT
        refused = refusals.meanwhile(work, connection, opened, todo) if lifting else {}
        work.step(connection, state=TaskState.RUNNING.value)
        return acting.record(
            connection,
            system=work.task.system,
            task_id=work.task.id,
            key=work.key,
            wanted=wanted,
            links=work.links,
            now=now,
            refused=refused,
        )

    try:
        sent = commit(deployment.database, record)
    except IntegrityError:
        # another request has a write of that record in flight: one at a time
        work.save(due_at=deployment.now() + postponing.SETTLING)
        return False
    results, trouble = acting.send(opened, work.task.act, sent)
    reasons: list[str] = []
    asked: list[float] = []
    permanent = ""
    agreed: list[tuple[acting.Sent, Result]] = []
    for one, result in zip(sent, results, strict=True):
        if result.verdict is Verdict.OK or _stands(work, opened, one, result):
            one.entry["outcome"] = "ok"
            one.entry["said"] = result.reason
            if result.memo:
                one.entry["memo"] = result.memo
            if work.task.act in rectify.ACTS:
                agreed.append((one, result))
        elif result.verdict in (Verdict.RETRYABLE, Verdict.UNKNOWN):
            reasons.append(result.reason or result.verdict.value)
            asked += [result.retry_after] if result.retry_after else []
        else:
            permanent = result.reason or result.verdict.value

    def settle(connection: Connection) -> None:
        work.step(connection, state=TaskState.SENT.value)
        acting.settle(connection, list(zip(sent, results, strict=True)), deployment.now())
        for one, result in agreed:
            rectify.agreed(work, connection, opened.system, one, result)

    commit(deployment.database, settle)
    if trouble is not None:
        postponing.attention(work, postponing.code(trouble), timedelta(hours=1))
    elif permanent:
        postponing.attention(work, as_code(permanent), timedelta(days=1))
    elif reasons:
        postponing.again(work, as_code(reasons[0]), max(asked, default=None))
    else:
        return True
    return False


def _stands(work: Work, opened: Opened, one: acting.Sent, result: Result) -> bool:
    """Whether a restriction has ended with a refusal that the person made at the vendor meanwhile:
    that stands, and there is nothing left to lift."""
    if work.task.act != Act.LIFT or result.verdict is not Verdict.REFUSED:
        return False
    connector = opened.connector
    assert isinstance(connector, Verifies)
    return all(shown.done for shown in connector.verify([ref_of(one.entry)], Act.LIFT))


def _remember(work: Work, opened: Opened, todo: Sequence[dict[str, str]]) -> None:
    """Note the state before a restriction, for vendors that do not tell it afterwards: it is kept
    with the task before the act leaves, so that a crash does not lose the way back. What another
    request has restricted already was before that what it noted."""
    connector = opened.connector
    assert isinstance(connector, Verifies)
    with read_only(work.deployment.database).connect() as connection:
        known = lifting.known(connection, work.deployment, work.request)
    for entry in todo:
        if not entry.get("memo") and (memo := known.get(lifting.place(work.task.system, entry))):
            entry["memo"] = memo
    fresh = [one for one in todo if not one.get("memo")]
    shown = connector.verify([ref_of(one) for one in fresh], Act.RESTRICT)
    for entry, one in zip(fresh, shown, strict=True):
        if one.code:
            entry["memo"] = one.code


def _verify(work: Work, opened: Opened, todo: Sequence[dict[str, str]]) -> bool:
    """Read back what was done; False where it does not show yet and is looked at again later."""
    if work.task.act in rectify.ACTS:
        shown = rectify.shown(work, opened, todo)
    else:
        connector = opened.connector
        assert isinstance(connector, Verifies)
        answers = connector.verify([ref_of(one) for one in todo], Act(work.task.act))
        shown = [(one.done, one.code) for one in answers]
    missing = ""
    for entry, (done, code) in zip(todo, shown, strict=True):
        if done:
            entry["verified"] = code or "yes"
        else:
            missing = code or "not-shown-yet"
            if entry.get("said") != "accepted":
                # nothing there shows our act: it is done again, never taken for done
                entry.pop("outcome", None)
    tries = work.task.tries
    wait = READ_BACK[min(tries, len(READ_BACK) - 1)]
    if missing and tries + 1 >= SHOWN_WITHIN:
        postponing.attention(work, "never-shown", wait)
    elif missing:
        work.save(
            state=TaskState.SENT.value,
            tries=tries + 1,
            reason=as_code(missing),
            due_at=work.deployment.now() + wait,
        )
    return not missing


def _read_back(work: Work, opened: Opened, lost: Sequence[Row[Any]]) -> None:
    """Settle what an earlier attempt sent and never heard of."""
    entries = {(one["stream"], one["scope"], one["id"]): one for one in work.receipt.records}
    if work.task.act in rectify.ACTS:
        todo = [one for one in work.receipt.records if not one.get("verified")]
        shown = {
            (one["stream"], one["scope"], one["id"]): done
            for one, (done, _) in zip(todo, rectify.shown(work, opened, todo), strict=True)
        }
    else:
        connector = opened.connector
        assert isinstance(connector, Verifies)
        refs = [ref_of(one) for one in work.receipt.records]
        answers = connector.verify(refs, Act(work.task.act))
        shown = {(one.ref.stream, one.ref.scope, one.ref.id): one.done for one in answers}

    def done(ref: Ref) -> bool:
        place = (ref.stream, ref.scope, ref.id)
        if shown.get(place) and place in entries:
            entries[place]["outcome"] = "ok"
        return bool(shown.get(place))

    def settle(connection: Connection) -> None:
        acting.settle_lost(connection, lost, done, work.key, work.deployment.now())
        work.step(connection)

    commit(work.deployment.database, settle)
