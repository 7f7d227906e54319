"""Records of a joint system whose project is not live: only their refusals count.

Nothing new comes from them, neither person, link, value, consent nor membership
(docs/decisions/0014). What is linked stays linked, so that it can be accounted for and refused.
"""

from __future__ import annotations

from dataclasses import replace

from hub.api import RecordState, Stance
from hub.store.subjects import Linked, Subject
from hub.sync import consents, cross, members
from hub.sync.identify import identify
from hub.sync.observe import Seen
from hub.sync.page import Page


def hear(page: Page, seen: Seen) -> None:
    """Take a record's refusals, and nothing else."""
    page.result.counts["ended"] += 1
    if seen.known is not None:
        subject = page.people.get(seen.known.person_id)
        if subject is not None:
            linked = next(one for one in subject.links if one.id == seen.known.id)
            _linked(page, seen, subject, linked)
        return
    cross.refuse_unclear(page, seen, identify(page.owners, page.people, page.place, seen))


def _linked(page: Page, seen: Seen, subject: Subject, linked: Linked) -> None:
    said = tuple(one for one in seen.record.consents if one.stance is Stance.NO)
    shadow = linked.shadow
    if any(shadow.consents.get(one.topic) != seen.consents[one.topic] for one in said):
        refusing = replace(seen, record=replace(seen.record, consents=said))
        heard = consents.listen(
            page.deployment.landscape,
            page.opened.system,
            page.stream,
            seen.controller,
            linked.touch(),
            refusing,
            page.now,
        )
        page.touch(linked, subject)
        for event, consent in heard.events:
            page.record_event(subject, event, consent.evidence)
        for controller, event in heard.joint:
            cross.refuse(page, controller, subject.email or seen.email, event)
    state = seen.record.state
    if not seen.stale and state is not RecordState.LIVE and linked.state == "live":
        linked.state = linked.touch().state = state.value
        page.touch(linked, subject)
        members.apply(page, seen, subject)
