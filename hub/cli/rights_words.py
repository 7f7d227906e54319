"""What states and reasons mean, and what to do: the words of `hub rights`, one table each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hub.domain.exemption import ExemptionGround


class Words(NamedTuple):
    """A code in words."""

    means: str
    do: str = ""  # what mends it; "" where nothing has to be done


REQUEST_STATES: Mapping[str, Words] = {
    "received": Words("received, not looked at yet"),
    "identity_pending": Words(
        "it is not known yet who asks",
        "hub rights identify N, or hub rights code N: a code to the address on record",
    ),
    "assessing": Words("being assessed", "hub rights dry-run N shows what each system holds"),
    "planned": Words("planned, waits for approval", "hub rights dry-run N, hub rights approve N"),
    "cooling_off": Words("approved; begins when the cooling-off is over"),
    "executing": Words("being carried out"),
    "attention": Words("a task needs a person", "do what stands beside the task below"),
    "awaiting_external": Words(
        "only tasks done by hand are left", "hub rights confirm TASK, once it was done"
    ),
    "verifying": Words("every system has answered; the hub's own copy is last"),
    "notifying": Words(
        "the person has to be told what was done, or why it was refused",
        "hub rights notified N --how … --text …",
    ),
    "closed": Words("closed, everything proved"),
    "closed_with_exceptions": Words("closed; something is kept on a stated ground"),
    "refused": Words("refused"),
    "withdrawn": Words("taken back by the person"),
    "watching": Words("closed; the systems are read again after some days"),
    "archived": Words("the case file has ended"),
}

TASK_STATES: Mapping[str, str] = {
    "pending": "to do",
    "running": "under way",
    "sent": "asked for, read back later",
    "confirmed": "done, says a person",
    "verified": "proved",
    "not_held": "nothing held, proved",
    "exempt": "kept on a ground",
    "awaiting_external": "waits for a person",
    "attention": "needs attention",
}

_CHECK = "hub check has the mend; it is tried again by itself, at once with hub rights retry N"
_AGAIN = "nothing: it is tried again for as long as the request is open; hub rights retry N at once"
_TELL_WHY = (
    "tell the person within the month: why, and that they may complain to the Data Protection "
    "Ombudsman and go to court (Art. 12(4)); then hub rights notified N"
)
_BY_HAND = "hub rights instructions TASK; when it is done: hub rights confirm TASK"

REASONS: Mapping[str, Words] = {
    # the system cannot be used
    "system-disabled": Words(
        "the system is switched off, so nobody has asked it",
        "set enabled: true for it; a system that is off is never taken for done",
    ),
    "system-missing": Words(
        "the system was taken out of the configuration",
        "put it back until the request is closed, with enabled: true",
    ),
    "misconfigured": Words("the system's configuration is wrong", _CHECK),
    "credential-refused": Words(
        "the vendor refuses the token", f"put a valid one into the configuration; {_CHECK}"
    ),
    "scope-missing": Words(
        "the token may not do this", f"give it the scope that docs/scopes.md names; {_CHECK}"
    ),
    # it did not work yet
    "unavailable": Words("the vendor does not answer", _AGAIN),
    "ratelimited": Words("the vendor asks to wait", _AGAIN),
    "uncertain": Words("it is not known whether the vendor did it: it is read back first", _AGAIN),
    "bad-answer": Words("the vendor's answer cannot be understood", f"{_AGAIN}; else report it"),
    "retryable": Words("the vendor did not do it this time", _AGAIN),
    "unclear": Words(
        "the vendor refused, in words that may hold personal data",
        "look into the tool; then hub rights retry N",
    ),
    "unknown": Words("the vendor did not say what became of it", _AGAIN),
    "not-shown-yet": Words("what was done does not show yet when it is read back", _AGAIN),
    "never-shown": Words(
        "what was done has not shown for a day; it is read back again every hour",
        "look into the tool whether it is done there, and ask the vendor; then hub rights retry N",
    ),
    "write-in-flight": Words(
        "a write about the person is on its way, and nothing settled it for a minute: it may still "
        "arrive, so that nothing is looked for before",
        "hub check, then hub sync: the system's next run reads it back; one of another request is "
        "settled by that: release it, or approve it",
    ),
    "removed-from-api": Words("gone from the vendor's interface: that is the proof of it"),
    "keeps-coming-back": Words(
        "the record is there again each time it was deleted",
        "find the automation or list that brings it back and stop it; then hub rights retry N",
    ),
    "refusal-not-shown": Words(
        "the system still shows that the person may be mailed",
        "look whether its refusals go out: hub quarantine, hub check; then hub rights retry N",
    ),
    "refusal-by-hand": Words(
        "they may still be mailed there by what the hub may not write to, or what nobody mapped",
        _BY_HAND,
    ),
    "reappeared": Words(
        "the erased person was found there again; the record is erased anew",
        "find out what brought it back: an import, a list, a backup",
    ),
    "not-watched": Words(
        "the system could not be read again for a day after closing; it is tried every hour", _CHECK
    ),
    # a person has to judge or to act
    "weak-match": Words(
        "records were found only by what several people may share, a phone for example, or hub "
        "review asks whose they are",
        "hub rights match TASK lists them; look at each in the tool, then: "
        "hub rights match TASK --same, or --other",
    ),
    "manual-system": Words("a tool without an interface: a person does it", _BY_HAND),
    "by-hand": Words("only a person can do or judge this", _BY_HAND),
    "remainder-by-hand": Words("a part is kept on a ground; a person deletes the rest", _BY_HAND),
    "ground-ended": Words(
        "the ground to keep this has ended, and others go on: a person deletes it", _BY_HAND
    ),
    "tell-recipient": Words(
        "the other company has something there only from this one, and is to be told (Art. 19)",
        _BY_HAND,
    ),
    # of requests and plans
    "withdrawn": Words("the person took the request back: nothing more is to be done"),
    "plan-grew": Words(
        "more was found after approval, so the plan is approved anew", "hub rights approve N"
    ),
    "connector-fault": Words(
        "the connector itself failed; it is tried again with growing pauses",
        "look at the daemon's log for the fault, and tell the connector's author",
    ),
    "shared-address": Words("several people share the address: a second person approves too"),
    "unproven-address": Words(
        "nobody showed that an address it names is theirs: a second person approves too",
        "hub rights identify N again with what shows it; a note of the handler names the address",
    ),
    "several-persons": Words(
        "one company knows several persons by these addresses: a second person approves too"
    ),
}

_ACTS: Mapping[str, str] = {
    "locate": "look for a person",
    "export": "read out all that is held",
    "rectify": "correct a record",
    "erase": "delete a record",
    "restrict": "restrict a record",
    "read": "read",
    "write-consents": "write a refusal",
}


def reason(code: str) -> Words:
    """A reason in words; one that only a vendor knows is said as it is."""
    if not code:
        return Words("")
    known = REASONS.get(code)
    if known is not None:
        return known
    if code.startswith("residual-"):
        what = code.removeprefix("residual-").replace("-", " ")
        return Words(f"the vendor may keep {what}, which no call reaches", _BY_HAND)
    if code in set(ExemptionGround):
        ground = ExemptionGround(code)
        return Words(f"refused: {ground.titles['en']} ({ground.law})", _TELL_WHY)
    act = _ACTS.get(code.removeprefix("cannot-")) if code.startswith("cannot-") else None
    if act is not None:
        return Words(f"the connector cannot {act}: a person does it", _BY_HAND)
    return Words(f"the system answered: {code}", "look into the tool; then hub rights retry N")


def mend(code: str, request: int, task: int) -> str:
    """What to do about a task's reason, with the numbers in place."""
    return _filled(reason(code).do, request, task)


def next_step(state: str, request: int) -> str:
    """What to do about a request in that state, "" where nothing has to be done."""
    return _filled(REQUEST_STATES[state].do, request)


def _filled(text: str, request: int, task: int | None = None) -> str:
    words = [
        word.replace("N", str(request), 1)
        if word.rstrip(",:;.") == "N"
        else word.replace("TASK", str(task), 1)
        if task is not None and word.rstrip(",:;.") == "TASK"
        else word
        for word in text.split(" ")
    ]
    return " ".join(words)
