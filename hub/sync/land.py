"""Landing a page: values, links, permissions, planned deliveries and the cursor, all at once.

A record that shows what its link's fingerprint says is passed over without opening any key. The
rest is identified, merged and planned in memory, and written in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.api import Record, RecordState, Rejected
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.fanout import Witness
from hub.domain.landscape import Stream
from hub.store import links, people, progress, requests, subjects
from hub.store.documents import Shadow, Stated
from hub.store.links import Known
from hub.store.normalise import Malformed
from hub.store.sql import once_more
from hub.store.subjects import Linked, Subject
from hub.sync import anew, consents, cross, ended, members, persons, returning
from hub.sync.aside import answered, as_read, put_aside, release
from hub.sync.identify import Match, candidates, identify, look_up
from hub.sync.merge import merge
from hub.sync.observe import Seen, each_once, read_values, shows
from hub.sync.page import Landed, Page, attach
from hub.sync.save import save
from hub.vault.rows import ids


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the cursor goes when the page has landed."""

    cursor: str
    began: bool = False  # the first page of an enumeration
    complete: bool = False  # its last


def land(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    stream: Stream,
    scope: str,
    records: Sequence[Record],
    rejected: Sequence[Rejected] = (),
    *,
    progress_to: Progress | None = None,
    forced: Mapping[str, Match] | None = None,
    witness: Witness | None = None,
) -> Landed:
    """Land records of one place in one transaction.

    `forced` answers whose some of the records are, by external id: a handler decided. Raises
    Fenced where another run took the system over; nothing has landed then.
    """
    records = each_once(records)
    shown = [(record, *shows(record)) for record in records]
    prints = [deployment.identities.fingerprint(canon) for _, _, canon in shown]

    def transaction() -> Landed:
        with deployment.database.begin() as connection:
            progress.check(connection, opened.system.id, epoch)
            page = Page(connection, deployment, opened, stream, scope, deployment.now())
            wanted = [record.ref.id for record in records]
            wanted += [alias.id for record in records for alias in record.aliases]
            known = links.known(connection, *page.place, list(dict.fromkeys(wanted)))
            changed: list[Seen] = []
            for (record, stated, _), fingerprint in zip(shown, prints, strict=True):
                changed += _changed(page, record, stated, fingerprint, known)
            if changed or rejected:
                _land_changed(page, changed, known, rejected, forced or {})
                save(page, witness)
            if progress_to is not None:
                progress.advance(
                    connection,
                    page.place,
                    progress_to.cursor,
                    page.now,
                    began=progress_to.began,
                    complete=progress_to.complete,
                    mapping=anew.reads(deployment, opened, stream, page.now),
                )
        return page.result

    return once_more(transaction)


def gone(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    stream: Stream,
    scope: str,
    numbers: Sequence[int],
) -> Landed:
    """Take linked records as gone from their system: who was a member by them is one no more.
    Raises Fenced."""
    with deployment.database.begin() as connection:
        progress.check(connection, opened.system.id, epoch)
        links.set_state(connection, numbers, RecordState.GONE.value)
        page = Page(connection, deployment, opened, stream, scope, deployment.now())
        if members.any_rule(page):
            owners = links.place_of(connection, numbers)
            page.people = subjects.load(
                connection, deployment.vault, deployment.identities, owners.values(), lock=True
            )
            for subject in page.people.values():
                members.without_record(page, subject)
            save(page, None)
        page.result.counts["gone"] += len(numbers)
    return page.result


def _changed(
    page: Page,
    record: Record,
    stated: dict[str, Stated],
    fingerprint: bytes,
    known: Mapping[str, list[Known]],
) -> list[Seen]:
    """The record as each controller of the system sees it, where it shows anything new."""
    found: list[Seen] = []
    mine = {link.controller: link for link in known.get(record.ref.id, ())}
    for controller in page.opened.system.controllers:
        link = mine.get(controller)
        if link is not None:
            page.result.links.add(link.id)
            if link.merged_into is not None:
                page.result.counts["merged-away"] += 1
                continue
            if link.digest == fingerprint and not _unmerged(record, controller, known):
                page.result.counts["unchanged"] += 1
                continue
        seen = Seen(record, controller, fingerprint, stated, known=link)
        seen.stale = link is not None and record.version < link.version
        found.append(seen)
    return found


def _unmerged(record: Record, controller: str, known: Mapping[str, list[Known]]) -> list[Known]:
    """Links of records that the vendor merged into this one and that still stand."""
    return [
        link
        for alias in record.aliases
        for link in known.get(alias.id, ())
        if link.controller == controller and link.merged_into is None
    ]


def _land_changed(
    page: Page,
    changed: list[Seen],
    known: Mapping[str, list[Known]],
    rejected: Sequence[Rejected],
    forced: Mapping[str, Match],
) -> None:
    landscape = page.deployment.landscape
    readable: list[Seen] = []
    for row in rejected:
        put_aside(page, row.id, row.reason, row.raw.encode())
    for seen in changed:
        try:
            read_values(landscape, page.stream, seen, page.now)
        except Malformed as error:
            put_aside(page, seen.record.ref.id, f"email: {error}", as_read(seen))
        else:
            readable.append(seen)
    if not readable:
        return
    page.owners = look_up(page.connection, page.deployment, page.place, readable)
    wanted = candidates(page.owners, readable)
    for seen in readable:
        if seen.known:
            wanted.add(seen.known.person_id)
        wanted.update(link.person_id for link in _unmerged(seen.record, seen.controller, known))
        if seen.record.ref.id in forced:
            wanted.update(forced[seen.record.ref.id].persons)
    page.people = subjects.load(
        page.connection, page.deployment.vault, page.deployment.identities, wanted, lock=True
    )
    if not page.open:
        for seen in readable:
            ended.hear(page, seen)
        release(page, [seen.record.ref.id for seen in readable])
        return
    unlinked = [seen for seen in readable if seen.known is None]
    page.link_ids = list(ids(page.connection, links.link, len(unlinked)))
    page.spare = subjects.make(
        page.connection, page.deployment.vault, _newcomers(page, unlinked, forced), page.now
    )
    for seen in readable:
        _land_one(page, seen, known, forced.get(seen.record.ref.id))
    answered(page, forced)
    release(page, [seen.record.ref.id for seen in readable])


def _land_one(
    page: Page, seen: Seen, known: Mapping[str, list[Known]], forced: Match | None
) -> None:
    merged_away = _unmerged(seen.record, seen.controller, known)
    if merged_away and _merge_waits(page, seen, merged_away):
        merged_away = []
        if seen.known is not None and seen.known.digest == seen.fingerprint:
            page.result.counts["merge-waits"] += 1
            return
    if merged_away and returning.resembles(page, seen):
        returning.draw_in(page, seen, [link.external_id for link in merged_away])
        _unclear(page, seen, Match("blocked"))
        return
    subject: Subject | None
    if seen.known is not None:
        subject = page.people.get(seen.known.person_id)
        if subject is None:
            page.result.counts["shredded"] += 1
            return
        linked = next(link for link in subject.links if link.id == seen.known.id)
        _apply(page, seen, subject, linked, met=True)
    else:
        if forced is not None and _anothers(page, seen, forced):
            forced = None
        match = forced or (
            Match("person", (merged_away[0].person_id,))
            if merged_away
            else identify(page.owners, page.people, page.place, seen)
        )
        if match.kind in ("unclear", "blocked", "ignore"):
            _unclear(page, seen, match)
            return
        if match.kind == "new":
            subject = page.take_spare(seen.controller)
            page.result.counts["new-person"] += 1
        else:
            subject = page.people.get(match.persons[0])
            if subject is None:
                page.result.counts["shredded"] += 1
                return
        linked = _new_link(page, seen, subject)
        page.result.counts["new-link"] += 1
        _apply(page, seen, subject, linked, met=False)
    for link in merged_away:
        _merge_away(page, link, linked, subject)
    page.result.counts["changed"] += 1
    page.result.links.add(linked.id)


def _anothers(page: Page, seen: Seen, match: Match) -> bool:
    """Whether a handler's answer names a person of the other company, which in a joint system sees
    the record too."""
    named = [page.people[one] for one in match.persons if one in page.people]
    return any(one.controller != seen.controller for one in named)


def _newcomers(page: Page, unlinked: list[Seen], forced: Mapping[str, Match]) -> list[str]:
    """Controllers of the persons that will surely have to be made: their keys are made at once."""
    met: set[tuple[str, str]] = set()
    wanted: list[str] = []
    for seen in unlinked:
        if seen.record.ref.id in forced or seen.record.aliases:
            continue
        key = (seen.controller, seen.email or seen.record.ref.id)
        hit = identify(page.owners, page.people, page.place, seen)
        if hit.kind == "new" and key not in met:
            met.add(key)
            wanted.append(seen.controller)
    return wanted


def _new_link(page: Page, seen: Seen, subject: Subject) -> Linked:
    system, stream, scope = page.place
    linked = Linked(
        id=page.link_ids.pop(),
        system=system,
        stream=stream,
        scope=scope,
        external_id=seen.record.ref.id,
        controller=seen.controller,
        person_id=subject.id,
        digest=b"",
        sealed=b"",
        version=seen.record.version,
        state=seen.record.state.value,
        opened=Shadow(state=seen.record.state.value),
    )
    subject.links.append(linked)
    page.fresh.append((linked.external_id, subject))
    return linked


def _apply(page: Page, seen: Seen, subject: Subject, linked: Linked, *, met: bool) -> None:
    """Bring one record into its person."""
    deployment, opened = page.deployment, page.opened
    shadow = linked.touch()
    page.touch(linked, subject)
    page.fingerprints[linked.id] = seen.fingerprint
    page.replan[subject.id] = subject
    if seen.stale:
        # fields of a lagging read are dropped; a permission never is. The shadow keeps the newer
        # fields, so its fingerprint must be its own.
        del page.fingerprints[linked.id]
        page.result.counts["stale"] += 1
    else:
        keep = _identifiers(page, seen, subject)
        former, called = subject.email, subject.first_name
        merged = merge(
            deployment.landscape,
            opened.system,
            page.stream,
            subject,
            linked,
            seen,
            met=met,
            keep=keep,
            now=page.now,
        )
        page.own |= {(subject.id, name): at for name, at in merged.own.items()}
        if former and former != subject.email:
            page.former.setdefault(subject.id, (former, called))
        for name in merged.conflicts:
            page.ask(
                "conflict",
                seen.record.ref.id,
                f"{name} differs and nobody can tell which is newer",
                field=name,
                link_id=linked.id,
                persons=str(subject.id),
            )
        persons.no_absence(deployment.landscape, subject)
        linked.version = max(linked.version, seen.record.version)
        linked.state = shadow.state = seen.record.state.value
    heard = consents.listen(
        deployment.landscape, opened.system, page.stream, seen.controller, shadow, seen, page.now
    )
    for event, consent in heard.events:
        page.record_event(subject, event, consent.evidence)
    for event in consents.grounds(page.stream, opened.system, subject, seen, page.now):
        page.record_event(subject, event)
    if seen.email and (heard.bounced or heard.reachable):
        _reachability(page, subject, seen.email_digest, bounced=heard.bounced)
    members.apply(page, seen, subject)
    for controller, event in heard.joint:
        cross.refuse(page, controller, subject.email or seen.email, event)


def _identifiers(page: Page, seen: Seen, subject: Subject) -> frozenset[str]:
    """Let the record's identifiers find its person; answers hub fields that must not change
    because the identifier is somebody else's."""
    keep: set[str] = set()
    if seen.email:
        digest = seen.email_digest
        if ("email", digest) not in subject.identifiers:
            owner = page.owners.of_email(subject.controller, digest)
            if owner is None:
                attach(page, subject, "email", digest)
            elif owner.person_id != subject.id:
                keep.add("email")
                other = f"{owner.person_id or ''} {subject.id}".strip()
                page.ask(
                    "identity",
                    seen.record.ref.id,
                    "the record now has an address that belongs to another person",
                    persons=other,
                )
                cross.share_refusals(page, owner.person_id, subject)
    if seen.phone:
        digest = seen.phone_digest
        if ("phone", digest) not in subject.identifiers:
            owner = page.owners.of_phone(subject.controller, digest)
            if owner is None:
                attach(page, subject, "phone", digest)
            elif owner.person_id not in (None, subject.id):
                _share_phone(page, subject, digest)
    return frozenset(keep)


def _share_phone(page: Page, subject: Subject, digest: bytes) -> None:
    for row in page.identifiers:
        if row["digest"] == digest and row["controller"] == subject.controller:
            row["person_id"] = None
    people.share_identifier(page.connection, subject.controller, "phone", digest)
    shared = people.Found("phone", digest, None, None)
    page.owners.phones[subject.controller, digest] = shared


def _reachability(page: Page, subject: Subject, digest: bytes, *, bounced: bool) -> None:
    if ("email", digest) not in subject.identifiers:
        return
    at = page.now if bounced else None
    subject.identifiers["email", digest] = at
    for row in page.identifiers:
        if row["digest"] == digest and row["controller"] == subject.controller:
            row["undeliverable_at"] = at
    people.set_undeliverable(page.connection, subject.controller, digest, at)
    subject.changed = True


def _merge_waits(page: Page, seen: Seen, merged_away: list[Known]) -> bool:
    """Whether an open rights request is about one of the persons: they stay apart until it closes,
    and join its plan (DESIGN 3.2). The merge is met again with every enumeration."""
    persons = {link.person_id for link in merged_away}
    if seen.known is not None:
        persons.add(seen.known.person_id)
    open_ = requests.about(page.connection, persons)
    for row in open_:
        requests.note_merge(page.connection, row, persons)
    return bool(open_)


def _merge_away(page: Page, link: Known, into: Linked, subject: Subject) -> None:
    """Follow a merge that happened at the vendor."""
    other = page.people.get(link.person_id)
    if other is not None and other.id != subject.id:
        persons.join(page.connection, page.deployment.landscape, subject, other)
        page.hand_over(other, subject)
        # its address is the winner's no more: who has it at a partner is a member no more by it
        page.left += [(other, project) for project in other.memberships]
        for moved in subject.links:
            page.touch(moved, subject)
        page.replan.pop(other.id, None)
        page.people[other.id] = subject
        page.result.counts["merged-persons"] += 1
    alias = next((one for one in subject.links if one.id == link.id), None)
    if alias is not None:
        alias.state = "merged"
        page.touch(alias, subject)
    links.merge_into(page.connection, link.id, into.id)
    page.result.counts["merged-records"] += 1


def _unclear(page: Page, seen: Seen, match: Match) -> None:
    """Nothing is written about a record whose person is not certain, except its refusals."""
    page.result.counts[match.kind] += 1
    if match.kind == "blocked":
        returning.hold_off(page, seen)
    elif match.kind == "unclear":
        page.ask(
            "identity",
            seen.record.ref.id,
            match.reason,
            persons=" ".join(str(person) for person in match.persons),
        )
    if match.kind != "ignore":
        cross.refuse_unclear(page, seen, match)
