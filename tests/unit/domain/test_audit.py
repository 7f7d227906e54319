"""The audit chain (I10): any edit, removal, swap, truncation or insertion is found; and nothing
personal fits into an entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.domain.audit import (
    GENESIS,
    Broken,
    Chained,
    Entry,
    Event,
    Fault,
    Head,
    as_code,
    chain,
    chain_hash,
    is_code,
    verify,
)

AT = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


def entry(seq: int, event: Event = Event.TASK_VERIFIED, **more: object) -> Entry:
    values: dict[str, object] = {
        "actor": "hub",
        "subject": f"task {seq}",
        "detail": {"system": "crowst-crm", "found": "3"},
    }
    return Entry(seq, AT + timedelta(seconds=seq), event, **{**values, **more})  # type: ignore[arg-type]  # shorthand


def log(length: int) -> list[Chained]:
    return list(chain(entry(seq) for seq in range(1, length + 1)))


def head(rows: list[Chained]) -> Head:
    return Head(rows[-1].entry.seq, rows[-1].hash) if rows else Head(0, GENESIS)


def renumbered(rows: list[Chained]) -> list[Chained]:
    """As somebody would leave them who wants no gap to be seen."""
    return [Chained(replace(row.entry, seq=n), row.hash) for n, row in enumerate(rows, 1)]


class TestVerify:
    def test_a_whole_log(self) -> None:
        rows = log(5)
        assert verify(rows) is None
        assert verify(rows, head(rows)) is None
        assert verify(rows, head(rows[:2]), head(rows)) is None
        assert verify([]) is None
        assert verify([], head([])) is None

    def test_it_reads_once(self) -> None:
        """A log is long: it comes row by row."""
        assert verify(iter(log(5))) is None

    def test_edited(self) -> None:
        rows = log(5)
        rows[2] = Chained(replace(rows[2].entry, actor="person"), rows[2].hash)
        assert verify(rows) == Broken(Fault.EDITED, 3)

    def test_edited_with_a_hash_to_match(self) -> None:
        """The next one does not follow any more."""
        rows = log(5)
        other = replace(rows[2].entry, actor="person")
        rows[2] = Chained(other, chain_hash(rows[1].hash, other))
        assert verify(rows) == Broken(Fault.EDITED, 4)

    def test_removed(self) -> None:
        rows = log(5)
        assert verify(rows[1:]) == Broken(Fault.REMOVED, 2)
        assert verify(rows[:1] + rows[3:]) == Broken(Fault.REMOVED, 4)

    def test_removed_and_renumbered(self) -> None:
        rows = log(5)
        assert verify(renumbered(rows[:1] + rows[2:])) == Broken(Fault.EDITED, 2)

    def test_reordered(self) -> None:
        rows = log(5)
        assert verify([rows[0], rows[2], rows[1], *rows[3:]]) == Broken(Fault.REMOVED, 3)
        assert verify([*rows[:4], rows[3], rows[4]]) == Broken(Fault.REORDERED, 4)

    def test_truncated(self) -> None:
        rows = log(5)
        assert verify(rows[:3], head(rows)) == Broken(Fault.TRUNCATED, 4)
        assert verify([], head(rows)) == Broken(Fault.TRUNCATED, 1)
        # without a head exported beforehand nobody could know
        assert verify(rows[:3]) is None

    def test_reckoned_anew(self) -> None:
        """Whole in itself: only the exported head tells."""
        rows = log(5)
        forged = list(
            chain(
                replace(row.entry, actor="person") if n == 1 else row.entry
                for n, row in enumerate(rows)
            )
        )
        assert verify(forged) is None
        assert verify(forged, head(rows)) == Broken(Fault.REWRITTEN, 5)
        assert verify(forged, head(rows[:3]), head(forged)) == Broken(Fault.REWRITTEN, 3)

    def test_a_head_of_before_holds_for_a_log_that_grew(self) -> None:
        rows = log(8)
        assert verify(rows, head(rows[:5])) is None

    def test_heads_that_contradict_each_other(self) -> None:
        rows = log(3)
        assert verify(rows, head(rows), Head(3, GENESIS)) == Broken(Fault.REWRITTEN, 3)


CODES = st.sampled_from(["hub", "person", "token:3", "crowst-crm", "3", "", "unavailable"])
ENTRIES = st.builds(
    Entry,
    st.just(1),
    st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(Event),
    CODES.filter(lambda code: code not in ("", "3")),
    st.sampled_from(["", "request 1", "request 12", "task 1"]),
    st.dictionaries(st.sampled_from(["system", "reason", "found"]), CODES),
)
LOGS = st.lists(ENTRIES, min_size=1, max_size=8).map(
    lambda entries: list(chain(replace(one, seq=n) for n, one in enumerate(entries, 1)))
)


class TestWhateverIsDone:
    """I10, with the head of the whole log exported beforehand."""

    @given(LOGS)
    def test_untouched_it_holds(self, rows: list[Chained]) -> None:
        assert verify(rows, head(rows)) is None

    @given(LOGS, ENTRIES, st.data())
    def test_an_edit_is_found_where_it_is(
        self, rows: list[Chained], other: Entry, data: st.DataObject
    ) -> None:
        n = data.draw(st.integers(0, len(rows) - 1))
        part = data.draw(st.sampled_from(["at", "event", "actor", "subject", "detail"]))
        edited = replace(rows[n].entry, **{part: getattr(other, part)})
        assume(edited != rows[n].entry)
        broken = [*rows[:n], Chained(edited, rows[n].hash), *rows[n + 1 :]]
        assert verify(broken) == Broken(Fault.EDITED, n + 1)

    @given(LOGS, st.data())
    def test_an_edited_hash(self, rows: list[Chained], data: st.DataObject) -> None:
        n = data.draw(st.integers(0, len(rows) - 1))
        byte = data.draw(st.integers(0, 31))
        changed = bytearray(rows[n].hash)
        changed[byte] ^= data.draw(st.integers(1, 255))
        broken = [*rows[:n], Chained(rows[n].entry, bytes(changed)), *rows[n + 1 :]]
        assert verify(broken) == Broken(Fault.EDITED, n + 1)

    @given(LOGS, st.data(), st.booleans())
    def test_a_removal(self, rows: list[Chained], data: st.DataObject, hide: bool) -> None:
        n = data.draw(st.integers(0, len(rows) - 1))
        left = rows[:n] + rows[n + 1 :]
        found = verify(renumbered(left) if hide else left, head(rows))
        assert found is not None
        assert found.seq in (n + 1, n + 2)

    @given(LOGS, st.data(), st.booleans())
    def test_a_swap(self, rows: list[Chained], data: st.DataObject, hide: bool) -> None:
        assume(len(rows) > 1)
        one = data.draw(st.integers(0, len(rows) - 2))
        other = data.draw(st.integers(one + 1, len(rows) - 1))
        swapped = list(rows)
        swapped[one], swapped[other] = rows[other], rows[one]
        assert verify(renumbered(swapped) if hide else swapped, head(rows)) is not None

    @given(LOGS, st.data())
    def test_a_truncation(self, rows: list[Chained], data: st.DataObject) -> None:
        n = data.draw(st.integers(0, len(rows) - 1))
        assert verify(rows[:n], head(rows)) == Broken(Fault.TRUNCATED, n + 1)

    @given(LOGS, ENTRIES, st.data(), st.booleans())
    def test_an_insertion(
        self, rows: list[Chained], other: Entry, data: st.DataObject, hide: bool
    ) -> None:
        """Also one that carries the hash it should."""
        n = data.draw(st.integers(0, len(rows)))
        new = replace(other, seq=n + 1)
        before = rows[n - 1].hash if n else GENESIS
        spoiled = [*rows[:n], Chained(new, chain_hash(before, new)), *rows[n:]]
        found = verify(renumbered(spoiled) if hide else spoiled, head(rows))
        # an event put behind the exported head is the log's own growth
        assert (found is None) == (n == len(rows))

    @given(LOGS, ENTRIES, st.data())
    def test_all_reckoned_anew(
        self, rows: list[Chained], other: Entry, data: st.DataObject
    ) -> None:
        n = data.draw(st.integers(0, len(rows) - 1))
        entries = [row.entry for row in rows]
        entries[n] = replace(other, seq=n + 1)
        assume(entries[n] != rows[n].entry)
        assert verify(chain(entries), head(rows)) == Broken(Fault.REWRITTEN, len(rows))


class TestEntry:
    def test_its_bytes(self) -> None:
        assert entry(7).canonical() == (
            b'{"actor":"hub","at":"2026-09-01T12:00:07.000000+00:00",'
            b'"detail":{"found":"3","system":"crowst-crm"},"event":"task-verified","seq":7,'
            b'"subject":"task 7"}'
        )

    def test_the_same_moment_in_another_zone_has_the_same_bytes(self) -> None:
        """A database may give it back in a zone of its own."""
        there = replace(entry(7), at=entry(7).at.astimezone(timezone(timedelta(hours=3))))
        assert there.canonical() == entry(7).canonical()

    def test_the_details_cannot_be_changed_afterwards(self) -> None:
        detail = {"system": "crowst-crm"}
        one = entry(1, detail=detail)
        detail["system"] = "hub"
        assert one.detail == {"system": "crowst-crm"}
        with pytest.raises(TypeError):
            one.detail["system"] = "hub"  # type: ignore[index]  # it is read-only

    def test_the_vocabulary_is_closed(self) -> None:
        assert len({event.value for event in Event}) == len(Event)
        assert all(is_code(event.value) for event in Event)
        with pytest.raises(ValueError, match="valid Event"):
            entry(1, event="something-else")  # type: ignore[arg-type]  # it is none

    @pytest.mark.parametrize(
        "code",
        [
            "",
            "0",
            "12345678",
            "hub",
            "token:3",
            "cannot-erase",
            "residual:reports",
            "joint-webinar",
            "webinaari-2026-10-15",
            "closed_with_exceptions",
            "3-systems",
            "2026-12-24",
            "2026-12-24T10:00:00+00:00",
            "2026-12-24T10:00:00.123456Z",
            "0f" * 32,
        ],
    )
    def test_what_fits(self, code: str) -> None:
        assert is_code(code)
        assert as_code(code) == code
        assert entry(1, detail={"reason": code}).detail["reason"] == code

    @pytest.mark.parametrize(
        "text",
        [
            "aino.virtanen@posti.example",
            "AINO",
            "Aino Virtanen",
            "aino virtanen",
            "aino.virtanen",
            "väinö",
            "+358401234567",
            "0401234567",
            "401234567",
            "040-123-4567",
            "040-123-4567-x",
            "09-123456",
            "a/b",
            "https://posti.example",
            "192.0.2.7",
            "2001:db8::1",
            "fe80:1:2:3:a",
            "x" * 32 + ":" + "x" * 32,
            "called twice, very angry",
            "x" * 65,
            "quiet\n",
            "\nquiet",
            "1234\n",
            "²",
        ],
    )
    def test_what_does_not(self, text: str) -> None:
        assert not is_code(text)
        assert as_code(text) == "unclear"
        with pytest.raises(ValueError, match="no code") as caught:
            entry(1, detail={"reason": text})
        assert text.strip() not in str(caught.value)
        for part in ("actor", "subject"):
            with pytest.raises(ValueError, match=part) as caught:
                entry(1, **{part: text})
            assert text.strip() not in str(caught.value)
        with pytest.raises(ValueError, match="names") as caught:
            entry(1, detail={text: "x"})
        assert text.strip() not in str(caught.value)

    @given(st.emails())
    def test_no_address_fits(self, address: str) -> None:
        assert not is_code(address)

    @given(st.integers(10**8, 10**15), st.sampled_from(["", "+", "00", "tel:", "p-"]))
    def test_no_phone_number_fits(self, number: int, prefix: str) -> None:
        assert not is_code(f"{prefix}{number}")

    @pytest.mark.parametrize("subject", ["request", "7", "request 07", "request 7 ", "Request 7"])
    def test_a_subject_is_a_word_and_an_id(self, subject: str) -> None:
        with pytest.raises(ValueError, match="subject"):
            entry(1, subject=subject)

    def test_numbered_from_one_and_with_a_zone(self) -> None:
        with pytest.raises(ValueError, match="from 1"):
            entry(0)
        with pytest.raises(ValueError, match="time zone"):
            Entry(1, datetime(2026, 9, 1), Event.STARTED, "hub")
