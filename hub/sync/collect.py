"""One activity of one person: whether it is collected, and what follows from it.

What follows is a value in a list field of the profile, written by ordinary deliveries. Nobody both
attended and was absent: an attendance takes the absence of the same scope back, whichever of them
is told first.
"""

from __future__ import annotations

from datetime import datetime

from hub.api import Activity, ActivityKind
from hub.domain.gate import Facts, may_collect
from hub.domain.landscape import ActivityMap
from hub.domain.profile import Value
from hub.store import activities
from hub.store.subjects import Subject
from hub.sync.page import Page


class Collector:
    """Collects activities of one place into the page's persons."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._rules = {one.kind: one for one in page.stream.activities}
        self._facts: dict[int, Facts] = {}
        self._attended: dict[int, bool] = {}  # by person

    def rule(self, one: Activity) -> ActivityMap | None:
        """How the configuration collects that kind; None where it does not."""
        return self._rules.get(one.kind)

    def follows(self, one: Activity) -> bool:
        """Whether a value may follow from it."""
        rule = self._rules[one.kind]
        return rule.field is not None or one.kind is ActivityKind.ATTENDED

    def digest(self, controller: str, one: Activity) -> bytes:
        """What tells whether it has landed for that controller's person."""
        page = self._page
        return page.deployment.identities.activity(controller, page.place, one.ref.id, one.id)

    def collect(self, subject: Subject, one: Activity, *, known: bool = False) -> None:
        """Keep the activity for that person if the gate lets it be collected. `known` says that it
        is kept already, and only what follows from it may be new."""
        page, rule = self._page, self._rules[one.kind]
        decision = may_collect(self._facts_of(subject), rule.needs, one.at)
        if not decision.allowed:
            page.result.counts[_NOT_COLLECTED.get(decision.rule, "activity-not-permitted")] += 1
            return
        if known:
            page.result.counts["activity-known"] += 1
        else:
            page.activities.append((subject, one, self.digest(subject.controller, one)))
            page.result.counts["activity"] += 1
        if one.kind is ActivityKind.ATTENDED:
            self._attended[subject.id] = True
            self._take_back(subject, one.at)
        if rule.field is None or (one.kind is ActivityKind.ABSENT and self._came(subject)):
            return
        self._change(subject, rule.field, {rule.added(page.scope)}, set(), one.at)

    def _facts_of(self, subject: Subject) -> Facts:
        facts = self._facts.get(subject.id)
        if facts is None:
            facts = subject.facts(self._page.deployment.landscape, self._page.deployment.identities)
            self._facts[subject.id] = facts
        return facts

    def _take_back(self, subject: Subject, at: datetime) -> None:
        """What an earlier report of absence brought."""
        absent = self._rules.get(ActivityKind.ABSENT)
        if absent is not None and absent.field is not None:
            self._change(subject, absent.field, set(), {absent.added(self._page.scope)}, at)

    def _came(self, subject: Subject) -> bool:
        """Whether the person is known to have attended there, by this or another record."""
        known = self._attended.get(subject.id)
        if known is None:
            page = self._page
            stored = list(activities.of_place(page.connection, page.place, [subject.id]))
            keys = page.deployment.vault.open_keys({one.key_id for one in stored})
            known = any(
                one.open(keys[one.key_id]).kind == ActivityKind.ATTENDED
                for one in stored
                if one.key_id in keys
            )
            self._attended[subject.id] = known
        return known

    def _change(
        self, subject: Subject, field: str, added: set[str], removed: set[str], at: datetime
    ) -> None:
        """Bring values into a list and take others out, where that changes anything."""
        page = self._page
        held = subject.profile.get(field)
        if held is not None and held.rectified:
            return  # Art. 16: outranks what tools report
        before = set(held.value) if held is not None and isinstance(held.value, tuple) else set()
        after = (before | added) - removed
        if after == before:
            return
        controllers = frozenset(page.opened.system.controllers)
        # a list holds parts of each source, so it may only go where both may go
        origins = (held.origins & controllers or held.origins) if before and held else controllers
        subject.profile[field] = Value(
            tuple(sorted(after)) or None,
            page.opened.system.id,
            min(at, page.now),
            origins,
        )
        subject.changed = True
        page.replan[subject.id] = subject
        page.result.counts["activity-value"] += 1


_NOT_COLLECTED = {
    "erasure-block": "activity-blocked",
    "restriction": "activity-restricted",
}
"""How what the gate refuses is counted; everything else lacks a permission."""
