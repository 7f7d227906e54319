"""Conformance of checking, reading and fetching."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from hub.api import AuthFailed, Connector, Page, Record, RecordState
from hub.testing.conformance.base import Ability, Base, latest, text

NOWHERE = "999999999"
"""An id, scope or topic that no sandbox has."""


class Checking(Base):
    """`check`, `prepare` and `topics`."""

    def test_check_finds_nothing_when_all_is_right(self) -> None:
        before = self.vendor()
        assert list(self.connector.check()) == []
        assert self.vendor() == before, "check() must change nothing at the vendor"

    def test_check_names_a_refused_credential_and_its_mend(self) -> None:
        problems = self.open(settings=self.wrong_settings()).check()
        assert [p.code for p in problems if p.fatal] == ["auth"], (
            "a refused credential is one fatal problem of code 'auth', and not an exception"
        )
        assert all(p.message and p.mend for p in problems), "say what is wrong and what to do"

    def test_a_refused_credential_is_auth_failed_when_reading(self) -> None:
        self.add_person(self.email("aino"))
        try:
            pages = self.pages(by=self.open(settings=self.wrong_settings()))
        except AuthFailed:
            return
        raise AssertionError(f"read() gave {len(pages)} pages to a refused credential")

    def test_check_names_an_unknown_field(self) -> None:
        missing = "tuntematon_kentta"
        connector = self.open(fields=(self.type.email_field, missing))
        # a field that the connector itself can make is no problem
        problems = [p for p in connector.check() if p.code == "field"]
        made = [] if problems else list(connector.prepare())
        assert any(missing.casefold() in p.message.casefold() for p in problems) or any(
            missing.casefold() in one.casefold() for one in made
        ), "an unknown field must be named by check(), or made by prepare()"

    def test_check_names_an_unknown_scope(self) -> None:
        if self.scope:
            found = [p for p in self.open(scope=NOWHERE).check() if p.code == "scope-id"]
            assert found, "a scope that the account does not have is a problem 'scope-id'"
            assert NOWHERE in found[0].message

    def test_prepare_twice_makes_nothing_the_second_time(self) -> None:
        self.connector.prepare()
        assert list(self.open().prepare()) == []

    def test_topics_are_told_by_their_title(self) -> None:
        topics = self.connector.topics(self.stream, self.scope)
        assert topics.get(self.topic), f"no title for the topic {self.topic}"


class Reading(Base):
    """`read`: enumerations, what changed since, and going on from a cursor."""

    def more_than_a_page(self) -> Mapping[str, str]:
        return self.add_people(self.type.read_page + 7)

    def test_an_empty_scope_is_one_complete_enumeration(self) -> None:
        pages = self.pages()
        assert latest(pages) == {}
        assert any(page.complete for page in pages), "an empty enumeration is complete too"
        assert all(page.cursor for page in pages)

    def test_everyone_is_enumerated(self) -> None:
        # all share one timestamp, and there is more than a page of them
        people = self.more_than_a_page()
        pages = self.pages()
        assert set(latest(pages)) == set(people)
        refs = [record.ref for record in latest(pages).values()]
        assert {(ref.stream, ref.scope) for ref in refs} == {(self.stream, self.scope)}
        email = self.type.email_field
        assert {r.ref.id: text(r.fields[email]) for r in latest(pages).values()} == people

    def test_only_the_last_page_of_an_enumeration_is_complete(self) -> None:
        people = self.more_than_a_page()
        pages = self.pages()
        ends = [n for n, page in enumerate(pages) if page.complete]
        assert len(ends) == 1, f"{len(ends)} pages say complete, it must be one"
        assert set(latest(pages[: ends[0] + 1])) == set(people), (
            "a page says complete while people are still missing"
        )

    def test_every_cursor_goes_on_without_loss_in_another_process(self) -> None:
        people = self.more_than_a_page()
        pages = self.pages()
        assert len(pages) > 1, "read_page is not the size of a page"
        for n, page in enumerate(pages):
            rest = self.pages(page.cursor, by=self.open())
            seen = set(latest([*pages[: n + 1], *rest]))
            missing = set(people) - seen
            assert not missing, f"{len(missing)} people lost after page {n + 1}"

    def test_a_reader_that_is_left_and_taken_up_page_by_page_loses_nobody(self) -> None:
        people = self.more_than_a_page()
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(50):
            page = next(iter(self.open().read(self.stream, self.scope, cursor)), None)
            if page is None:
                break
            seen |= {record.ref.id for record in page.records}
            assert not page.complete or seen == set(people)
            if page.complete:
                break
            cursor = page.cursor
        assert seen == set(people)

    def test_every_page_keeps_to_its_size(self) -> None:
        self.more_than_a_page()
        assert max(len(page.records) for page in self.pages()) <= self.type.read_page, (
            "a page is landed in one transaction: it must not outgrow read_page"
        )

    def test_what_was_edited_or_added_afterwards_is_read(self) -> None:
        people = self.add_people(5)
        end = self.pages()[-1].cursor
        self.clock.advance(3600)
        edited = next(iter(people))
        self.edit(edited, self.editable_field, "Tampere")
        self.clock.advance(3600)
        added = self.add_person(self.email("uusi"))
        changes = self.changes(end)
        assert {edited, added} <= set(changes)
        assert changes[edited].fields[self.editable_field] == "Tampere"

    def test_the_version_of_an_edited_record_is_later(self) -> None:
        person = self.add_person(self.email("aino"))
        before = self.there(person).version
        self.clock.advance(60)
        self.edit(person, self.editable_field, "Tampere")
        assert self.there(person).version > before, "versions must sort as text, later is newer"

    def test_equal_timestamps_at_the_cursor_are_not_skipped(self) -> None:
        self.add_people(3)
        end = self.pages()[-1].cursor
        late = self.add_person(self.email("samalla-hetkella"))  # the clock has not moved
        assert late in self.changes(end), "a record as old as the cursor was skipped"

    def test_more_changes_of_one_moment_than_a_page_are_all_read(self) -> None:
        people = self.more_than_a_page()
        end = self.pages()[-1].cursor
        self.clock.advance(3600)
        for person in people:
            self.edit(person, self.editable_field, "Turku")
        seen = latest(self.read_again(end))
        changed = {one for one, r in seen.items() if r.fields[self.editable_field] == "Turku"}
        assert changed == set(people), f"{len(set(people) - changed)} changes were skipped"

    def read_again(self, cursor: str) -> list[Page]:
        """The pages from there, each read by a connector that has never seen the account."""
        pages: list[Page] = []
        known: set[str] = set()
        while cursor not in known and len(pages) < 50:
            known.add(cursor)
            page = next(iter(self.open().read(self.stream, self.scope, cursor)), None)
            if page is None:
                break
            pages.append(page)
            cursor = page.cursor
        return pages

    def test_an_edit_behind_the_reader_is_read_afterwards(self) -> None:
        self.more_than_a_page()
        reader = iter(self.connector.read(self.stream, self.scope, None))
        first = next(reader)
        behind = first.records[0].ref.id
        self.clock.advance(60)
        self.edit(behind, self.editable_field, "Kuopio")
        self.clock.advance(60)
        pages = list(reader)
        seen = latest(pages) | self.changes(pages[-1].cursor)
        assert behind in seen, "an edit made during the enumeration is never read"
        assert seen[behind].fields[self.editable_field] == "Kuopio"

    def test_a_removal_behind_the_reader_hides_nobody(self) -> None:
        self.need(Ability.REMOVE)
        people = self.more_than_a_page()
        reader = iter(self.connector.read(self.stream, self.scope, None))
        first = next(reader)
        gone = [record.ref.id for record in first.records[:3]]
        for person in gone:
            self.remove(person)
        pages = [first, *reader]
        missing = set(people) - set(gone) - set(latest(pages))
        assert not (missing and any(page.complete for page in pages)), (
            f"{len(missing)} people were skipped, and would be taken for deleted"
        )

    def test_nothing_changed_reads_as_nothing_or_as_the_same(self) -> None:
        self.add_people(5)
        first = self.pages()
        known = latest(first)
        cursor = first[-1].cursor
        for _ in range(3):
            self.clock.advance(3600)
            pages = self.pages(cursor)
            assert all(known[one] == record for one, record in latest(pages).items())
            cursor = pages[-1].cursor if pages else cursor

    def test_enumerating_twice_reads_the_same(self) -> None:
        for n in range(3):
            email = self.email(f"henkilo{n}")
            self.add_person(email)
            self.subscribe_by_form(email)
            self.clock.advance(3600)
        first = latest(self.pages())
        self.clock.advance(3600)
        for connector in (self.connector, self.open()):
            assert latest(connector.read(self.stream, self.scope, None)) == first

    def test_what_changed_is_no_enumeration(self) -> None:
        person, *_ = self.add_people(3)
        end = self.pages()[-1].cursor
        for _ in range(2):
            self.clock.advance(3600)
            self.edit(person, self.editable_field, "Kemi")
            assert not any(page.complete for page in self.pages(end)), (
                "everyone who did not change would be taken for deleted"
            )


class Rows(Base):
    """What a record says, and rows that cannot be understood."""

    def test_a_field_that_is_not_mapped_is_absent(self) -> None:
        person = self.add_person(self.email("aino"), **{self.other_field: "Vantaa"})
        connector = self.open(fields=(self.type.email_field, self.editable_field))
        for record in (
            latest(self.pages(by=connector))[person],
            connector.fetch(self.stream, [self.ref(person)])[0],
        ):
            assert record is not None
            assert self.other_field not in record.fields, (
                "only the fields that the mapping uses may be read (data minimisation)"
            )

    def test_a_field_that_was_emptied_is_none(self) -> None:
        person = self.add_person(self.email("aino"), **{self.editable_field: "Vantaa"})
        end = self.pages()[-1].cursor
        self.clock.advance(60)
        self.edit(person, self.editable_field, None)
        for record in (self.changes(end)[person], self.there(person)):
            assert self.editable_field in record.fields, "an emptied field must not be absent"
            assert record.fields[self.editable_field] is None, "an explicit empty is None"

    def test_text_comes_as_it_was_typed(self) -> None:
        typed = 'Åke "Öljy" Mäkinen; Näsilinnankatu 1, & 日本'
        person = self.add_person(self.email("ake"), **{self.editable_field: typed})
        assert latest(self.pages())[person].fields[self.editable_field] == typed
        assert self.there(person).fields[self.editable_field] == typed

    def test_a_malformed_row_is_rejected_and_the_rest_land(self) -> None:
        people = self.add_people(3)
        self.add_malformed()
        pages = self.pages()
        assert set(latest(pages)) == set(people)
        rejected = [row for page in pages for row in page.rejected]
        assert rejected, "the malformed row was dropped in silence"
        for row in rejected:
            assert row.reason
            json.loads(row.raw)

    def test_an_archived_record_is_not_gone(self) -> None:
        self.need(Ability.ARCHIVE)
        person = self.add_person(self.email("aino"))
        end = self.pages()[-1].cursor
        self.clock.advance(60)
        self.archive(person)
        assert self.there(person).state is RecordState.ARCHIVED
        for found in (self.changes(end), latest(self.pages())):
            if person in found:
                assert found[person].state is RecordState.ARCHIVED

    def test_an_enumeration_tells_of_archived_records(self) -> None:
        self.need(Ability.ARCHIVE, Ability.ARCHIVED_LISTED)
        person, *_ = self.add_people(3)
        self.archive(person)
        assert person in latest(self.pages()), "an archived record would be taken for deleted"

    def test_a_removed_record_is_not_live(self) -> None:
        self.need(Ability.REMOVE)
        person, *others = self.add_people(3)
        end = self.pages()[-1].cursor
        self.clock.advance(60)
        self.remove(person)
        found = self.one(person)
        assert found is None or found.state is RecordState.GONE
        for seen in (self.changes(end), latest(self.pages())):
            assert person not in seen or seen[person].state is RecordState.GONE
        assert set(others) <= set(latest(self.pages()))

    def test_a_merge_leaves_the_loser_as_an_alias(self) -> None:
        self.need(Ability.MERGE)
        winner, loser, third = list(self.add_people(3))
        end = self.pages()[-1].cursor
        self.clock.advance(60)
        self.merge(winner, loser)
        self.clock.advance(60)
        self.merge(third, winner)  # a chain: the first loser must not be forgotten
        for record in (self.there(third), self.changes(end)[third], latest(self.pages())[third]):
            aliases = {alias.id for alias in record.aliases}
            assert aliases >= {winner, loser}, f"aliases {len(aliases)}, two were merged into it"
            assert third not in aliases
        found = self.one(loser)
        assert found is None or found.ref.id == third or found.state is not RecordState.LIVE


class Fetching(Base):
    """`fetch`: the truth about single records."""

    def test_by_id_and_by_email(self) -> None:
        email = self.email("aino")
        person = self.add_person(email, **{self.editable_field: "Vantaa"})
        self.add_people(3)
        by_id, by_email = self.there(person), self.there(email=email)
        assert by_id == by_email
        assert by_id.ref.id == person
        assert by_id.fields[self.editable_field] == "Vantaa"
        assert by_id.fields[self.type.email_field] == email

    def test_a_record_fetched_is_the_record_read(self) -> None:
        people = self.add_people(3)
        self.subscribe_by_form(next(iter(people.values())))
        for person, record in latest(self.pages()).items():
            assert self.there(person) == record

    def test_by_email_in_any_letter_case(self) -> None:
        self.need(Ability.ANY_CASE)
        person = self.add_person(self.email("aino"))
        assert self.there(email=self.email("aino").upper()).ref.id == person

    def test_the_unknown_is_none(self) -> None:
        self.add_people(2)
        assert self.one(NOWHERE) is None
        assert self.one(email=self.email("tuntematon")) is None

    def test_one_answer_per_ref_in_their_order(self) -> None:
        people = self.add_people(130)  # more than vendors answer at a time
        ids = list(people)
        refs = [self.ref(person) for person in reversed(ids)]
        refs.insert(5, self.ref(NOWHERE))
        refs.insert(50, self.ref(email=self.email("tuntematon")))
        refs.insert(51, self.ref(email=people[ids[0]]))
        refs.append(refs[0])  # asked twice
        answers = self.connector.fetch(self.stream, refs)
        expected: list[str | None] = list(reversed(ids))
        expected.insert(5, None)
        expected.insert(50, None)
        expected.insert(51, ids[0])
        expected.append(expected[0])
        assert [record and record.ref.id for record in answers] == expected

    def test_nothing_asked_is_nothing_answered(self) -> None:
        assert list(self.connector.fetch(self.stream, [])) == []

    def test_from_several_threads(self) -> None:
        people = list(self.add_people(12))
        alone = [self.there(person) for person in people]

        def fetch(connector: Connector) -> list[Record | None]:
            return list(connector.fetch(self.stream, [self.ref(person) for person in people]))

        with ThreadPoolExecutor(4) as threads:
            for answers in threads.map(fetch, [self.connector] * 4):
                assert answers == alone
