"""The rules of a good connector, and how `quality.yaml` beside a connector answers for each.

    rules:
      conformance-suite: done
      merges: {status: exempt, comment: the vendor does not merge people}
      webhooks: {status: todo, comment: changes are polled}
    vendor:
      double-opt-in: done

`rules` answers for every rule of `RULES`; `vendor` holds rules that only this vendor needs. An
answer is a status, or a status with a comment. `done`: shown by a test. `todo`: wanted, and not
there. `exempt`: does not apply. What is not done says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from hub.api import Capability, ConnectorType

RIGHTS = frozenset(
    {
        Capability.LOCATE,
        Capability.EXPORT,
        Capability.RECTIFY,
        Capability.ERASE,
        Capability.RESTRICT,
    }
)


class Status(StrEnum):
    """How far a rule is kept."""

    DONE = "done"
    TODO = "todo"
    EXEMPT = "exempt"


RULES: Mapping[str, str] = {
    # before anything runs
    "test-before-set-up": "`check` names a wrong credential, field and scope, each with its mend",
    "missing-scopes-named": "`check` names each right that the credential lacks",
    "scopes-documented": "what the credential must be allowed is written down, and it is no more",
    "limits-honoured": "`ConnectorType.limits` and `concurrency` say what the vendor allows",
    # reading
    "full-enumeration": "everyone is read, page by page, whatever moves meanwhile",
    "changed-since": "what changed since a cursor is read; equal times at its edge are not skipped",
    "authoritative-fetch": "`fetch` asks an endpoint that does not lag",
    "malformed-rows": "a row that cannot be understood is rejected, and the rest of its page lands",
    "merges": "records that were merged into one are its aliases",
    "archived-is-not-deleted": "a record that was put aside is ARCHIVED, never missing or GONE",
    "data-minimisation": "only mapped fields are read, and only what consents need besides",
    "consent-acts": "a YES shows an act only where the vendor shows that the person acted",
    "webhooks": "changes are told by the vendor, and not only polled",
    # writing
    "one-verdict-per-input": "every write of a batch ends with exactly one verdict, its own",
    "create-never-overwrites": "a create of what is there is answered EXISTS, and changes nothing",
    "update-never-carries-status": "an ordinary update never touches a subscription",
    "consent-read-before-write": "before every YES the destination's refusal is read, and stands",
    # activities and rights
    "activities": "what people did and were sent is read as activities",
    "rights-supported": "a person's records are found, exported, corrected, erased, restricted; "
    "each act is read back",
    "residuals-stated": "`ConnectorType.residuals` names what a vendor keeps that no call reaches",
    # proof
    "no-personal-data-in-messages": "errors, reasons, routes and logs name nobody",
    "conformance-suite": "the conformance suite passes",
    "sandbox-witnessed": "the vendor's own client library works against the sandbox; the comment "
    "names it",
}
"""Every rule, and what it asks. The guide `docs/connectors.md` lists them too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How one rule is answered."""

    status: Status
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """A quality file. `faults` says what is wrong with it as a file."""

    rules: Mapping[str, Answer] = field(default_factory=dict)
    vendor: Mapping[str, Answer] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    def done(self, rule: str) -> bool:
        """Whether that rule is said to be kept."""
        return rule in self.rules and self.rules[rule].status is Status.DONE

    def counts(self) -> dict[str, int]:
        """How many of `RULES` are done, todo, exempt; unanswered ones are todo."""
        said = Counter(
            self.rules[name].status if name in self.rules else Status.TODO for name in RULES
        )
        return {status.value: said[status] for status in Status}


def read(text: str) -> Quality:
    """The quality file of that text. Never raises: what is wrong is in `faults`."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return Quality(faults=(f"no YAML: {getattr(error, 'problem', error)}",))
    if not isinstance(document, dict) or set(document) - {"rules", "vendor"}:
        return Quality(faults=("it holds `rules`, and `vendor` where there are rules of its own",))
    faults: list[str] = []
    rules, vendor = (_answers(document.get(part) or {}, faults) for part in ("rules", "vendor"))
    faults += [
        f"{name}: not answered; it asks: {RULES[name]}" for name in RULES if name not in rules
    ]
    faults += [
        f"{name}: no rule of that name; one of this vendor stands under `vendor`"
        for name in rules
        if name not in RULES
    ]
    faults += [
        f"{name}: stands under `vendor`, and is everyone's" for name in vendor if name in RULES
    ]
    return Quality(rules, vendor, tuple(faults))


def _answers(part: Any, faults: list[str]) -> Mapping[str, Answer]:
    if not isinstance(part, dict):
        faults.append("`rules` and `vendor` are mappings: name of a rule, and its answer")
        return {}
    return {str(name): _answer(str(name), said, faults) for name, said in part.items()}


def _answer(name: str, said: Any, faults: list[str]) -> Answer:
    given = said if isinstance(said, dict) else {"status": said}
    if given.get("status") not in set(Status) or set(given) - {"status", "comment"}:
        faults.append(f"{name}: say done, todo or exempt, as {{status: …, comment: …}}")
        return Answer(Status.TODO)
    answer = Answer(Status(given["status"]), str(given.get("comment") or ""))
    if answer.status is not Status.DONE and not answer.comment:
        faults.append(f"{name}: {answer.status}, and no comment says why")
    return answer


def faults(text: str, kind: ConnectorType) -> list[str]:
    """What is wrong with a quality file: as a file, and where it claims what the connector type
    does not declare. Empty where nothing is."""
    quality = read(text)
    untrue = [
        f"{rule}: said to be done, yet {lacks}"
        for rule, (lacks, holds) in _DECLARED.items()
        if quality.done(rule) and not holds(kind)
    ]
    return [*quality.faults, *untrue]


def _writes(kind: ConnectorType) -> bool:
    return Capability.WRITE in kind.capabilities


# What `done` can be held against: what is missing where it is untrue, and whether it is true.
_DECLARED: Mapping[str, tuple[str, Callable[[ConnectorType], bool]]] = {
    "limits-honoured": ("`limits` is empty", lambda kind: bool(kind.limits)),
    "one-verdict-per-input": ("WRITE is not declared", _writes),
    "create-never-overwrites": ("WRITE is not declared", _writes),
    "update-never-carries-status": ("WRITE is not declared", _writes),
    "consent-read-before-write": (
        "WRITE_CONSENTS is not declared",
        lambda kind: Capability.WRITE_CONSENTS in kind.capabilities,
    ),
    "activities": (
        "READ_ACTIVITIES is not declared, or no stream has activities",
        lambda kind: (
            Capability.READ_ACTIVITIES in kind.capabilities
            and any(stream.activities for stream in kind.streams)
        ),
    ),
    "rights-supported": (
        f"not all of {', '.join(sorted(RIGHTS))} are declared",
        lambda kind: kind.capabilities >= RIGHTS,
    ),
    "residuals-stated": ("`residuals` is empty", lambda kind: bool(kind.residuals)),
    "sandbox-witnessed": ("there is no `sandbox`", lambda kind: kind.sandbox is not None),
}


def blank(title: str) -> str:
    """A quality file to begin with: every rule todo, with what it asks."""
    lines = [f"# How far the connector of {title} keeps the rules of a good connector.", "rules:"]
    for name, asks in RULES.items():
        lines.append(f"  # {asks}")
        if name == "conformance-suite":
            lines.append(f"  {name}: done")
        else:
            lines.append(f"  {name}: {{status: todo, comment: not looked at yet}}")
    return "\n".join(lines) + "\n"
