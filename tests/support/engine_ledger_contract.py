"""What every ledger must do. Subclass it and give it a `ledger` fixture that starts empty."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from hub.engine import Attempt, Lease, Ledger

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LONG_AGO = AT - timedelta(days=1)


class LedgerContract:
    def test_a_worker_is_alive_from_its_last_beat_until_it_leaves(self, ledger: Ledger) -> None:
        ledger.beat("a", AT)
        ledger.beat("b", AT - 9 * SECOND)
        ledger.beat("b", AT - 6 * SECOND)
        assert ledger.alive(AT - 5 * SECOND) == {"a"}
        assert ledger.alive(AT - 6 * SECOND) == {"a", "b"}
        ledger.leave("a")
        ledger.leave("never-seen")
        assert ledger.alive(AT - 5 * SECOND) == set()

    def test_opening_twice_is_one_attempt(self, ledger: Ledger) -> None:
        first = ledger.open("sync", "crm", AT)
        assert first == Attempt("sync", "crm", 1, AT)
        assert ledger.open("sync", "crm", AT + SECOND) == first
        assert ledger.open("sync", "mailer", AT).n == 1

    def test_a_number_is_never_given_twice(self, ledger: Ledger) -> None:
        ledger.open("sync", "crm", AT)
        lease = ledger.claim("sync", "crm", 1, "a", LONG_AGO)
        assert lease is not None
        assert ledger.finish("sync", "crm", lease.epoch) is None
        assert ledger.open_tasks(10) == []
        assert ledger.open("sync", "crm", AT).n == 2

    def test_each_claim_raises_the_epoch_and_only_the_last_one_holds(self, ledger: Ledger) -> None:
        ledger.beat("a", AT - 9 * SECOND)
        ledger.open("sync", "crm", AT)
        assert ledger.claim("sync", "crm", 1, "a", LONG_AGO) == Lease(1, 0)
        assert ledger.holds("sync", "crm", 1)
        assert ledger.claim("sync", "crm", 1, "b", AT - 5 * SECOND) == Lease(2, 0)
        assert not ledger.holds("sync", "crm", 1)
        assert ledger.finish("sync", "crm", 1) is None
        assert ledger.again("sync", "crm", 1, AT, "more", failed=False) is None
        assert ledger.holds("sync", "crm", 2)
        ledger.finish("sync", "crm", 2)
        assert not ledger.holds("sync", "crm", 2)

    def test_a_worker_that_beats_keeps_what_it_claimed(self, ledger: Ledger) -> None:
        ledger.beat("a", AT)
        ledger.open("sync", "crm", AT)
        ledger.claim("sync", "crm", 1, "a", AT - 5 * SECOND)
        assert ledger.claim("sync", "crm", 1, "b", AT - 5 * SECOND) is None
        assert ledger.reissue("sync", "crm", 1, "b", AT - 5 * SECOND) is None
        assert ledger.claim("sync", "crm", 1, "a", AT - 5 * SECOND) == Lease(2, 0)
        ledger.leave("a")
        assert ledger.claim("sync", "crm", 1, "b", AT - 5 * SECOND) == Lease(3, 0)

    def test_only_the_current_attempt_of_an_open_task_is_claimed(self, ledger: Ledger) -> None:
        assert ledger.claim("sync", "crm", 1, "a", AT) is None
        ledger.open("sync", "crm", AT)
        assert ledger.claim("sync", "crm", 2, "a", AT) is None
        lease = ledger.claim("sync", "crm", 1, "a", AT)
        assert lease is not None
        assert ledger.again("sync", "crm", lease.epoch, AT, "more", failed=False) is not None
        assert ledger.claim("sync", "crm", 1, "a", AT) is None
        lease = ledger.claim("sync", "crm", 2, "a", AT)
        assert lease is not None
        ledger.finish("sync", "crm", lease.epoch)
        assert ledger.claim("sync", "crm", 2, "a", AT) is None

    def test_failures_are_counted_until_one_goes_well(self, ledger: Ledger) -> None:
        ledger.open("sync", "crm", AT)
        for n in (1, 2):
            lease = ledger.claim("sync", "crm", n, "a", AT)
            assert lease == Lease(n, n - 1)
            due = AT + n * SECOND
            following = ledger.again("sync", "crm", n, due, "unavailable", failed=True)
            assert following == Attempt("sync", "crm", n + 1, due)
        assert ledger.claim("sync", "crm", 3, "a", AT) == Lease(3, 2)
        ledger.again("sync", "crm", 3, AT, "more", failed=False)
        assert ledger.claim("sync", "crm", 4, "a", AT) == Lease(4, 0)

    def test_a_trigger_during_the_attempt_means_once_more(self, ledger: Ledger) -> None:
        ledger.open("sync", "crm", AT)
        ledger.claim("sync", "crm", 1, "a", AT)
        assert ledger.open("sync", "crm", AT + SECOND).n == 1
        ledger.open("sync", "crm", AT + 2 * SECOND)
        assert ledger.finish("sync", "crm", 1) == Attempt("sync", "crm", 2, AT + SECOND)
        lease = ledger.claim("sync", "crm", 2, "a", AT)
        assert lease is not None
        assert ledger.finish("sync", "crm", lease.epoch) is None

    def test_a_trigger_during_the_attempt_shortens_a_wait_but_not_a_failures(
        self, ledger: Ledger
    ) -> None:
        hour = AT + timedelta(hours=1)
        for key, failed, due in (("crm", False, AT + SECOND), ("mailer", True, hour)):
            ledger.open("sync", key, AT)
            ledger.claim("sync", key, 1, "a", AT)
            ledger.open("sync", key, AT + SECOND)
            following = ledger.again("sync", key, 1, hour, "later", failed=failed)
            assert following == Attempt("sync", key, 2, due)

    def test_a_claim_forgets_wakes_it_has_seen_to(self, ledger: Ledger) -> None:
        ledger.open("sync", "crm", AT)
        ledger.claim("sync", "crm", 1, "a", AT)
        ledger.open("sync", "crm", AT)
        lease = ledger.claim("sync", "crm", 1, "b", AT)
        assert lease is not None
        assert ledger.finish("sync", "crm", lease.epoch) is None

    def test_a_trigger_ends_a_wait_but_only_force_ends_a_failures_wait(
        self, ledger: Ledger
    ) -> None:
        hour = AT + timedelta(hours=1)
        for key, failed in (("crm", False), ("mailer", True)):
            ledger.open("sync", key, AT)
            ledger.claim("sync", key, 1, "a", AT)
            ledger.again("sync", key, 1, hour, "later", failed=failed)
        assert ledger.open("sync", "crm", AT) == Attempt("sync", "crm", 3, AT)
        assert ledger.open("sync", "mailer", AT) == Attempt("sync", "mailer", 2, hour)
        assert ledger.open("sync", "mailer", AT, force=True) == Attempt("sync", "mailer", 3, AT)
        assert ledger.claim("sync", "mailer", 3, "a", AT) == Lease(2, 1)

    def test_a_slot_fires_once(self, ledger: Ledger) -> None:
        assert ledger.fire("sync", "crm", AT, AT + SECOND) == Attempt("sync", "crm", 1, AT + SECOND)
        lease = ledger.claim("sync", "crm", 1, "a", AT)
        assert lease is not None
        ledger.finish("sync", "crm", lease.epoch)
        assert ledger.fire("sync", "crm", AT, AT) is None
        assert ledger.fire("sync", "crm", AT - SECOND, AT) is None
        assert ledger.open_tasks(10) == []
        following = ledger.fire("sync", "crm", AT + SECOND, AT)
        assert following is not None
        assert following.n == 2

    def test_a_slot_coalesces_with_work_under_way_and_is_spent(self, ledger: Ledger) -> None:
        ledger.open("sync", "crm", AT)
        ledger.claim("sync", "crm", 1, "a", AT)
        assert ledger.fire("sync", "crm", AT, AT) is None
        assert ledger.finish("sync", "crm", 1) is None
        assert ledger.fire("sync", "crm", AT, AT) is None

    def test_many_threads_fire_a_slot_once(self, ledger: Ledger) -> None:
        fired: list[Attempt | None] = []
        ready = threading.Barrier(8)

        def fire() -> None:
            ready.wait()
            fired.append(ledger.fire("sync", "crm", AT, AT))

        threads = [threading.Thread(target=fire) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one for one in fired if one] == [Attempt("sync", "crm", 1, AT)]
        assert len(fired) == 8

    def test_a_lost_attempt_is_reissued_once(self, ledger: Ledger) -> None:
        ledger.open("sync", "crm", AT)
        ledger.claim("sync", "crm", 1, "dead", AT)
        assert ledger.reissue("sync", "crm", 1, "a", AT) == Attempt("sync", "crm", 2, AT)
        assert ledger.reissue("sync", "crm", 1, "b", AT) is None
        assert not ledger.holds("sync", "crm", 1)
        assert ledger.reissue("sync", "unknown", 1, "a", AT) is None

    def test_open_tasks_come_in_pages(self, ledger: Ledger) -> None:
        for kind, key in (("sync", "b"), ("sync", "a"), ("deliver", "z"), ("sync", "c")):
            ledger.open(kind, key, AT)
        lease = ledger.claim("sync", "b", 1, "a", AT)
        assert lease is not None
        ledger.finish("sync", "b", lease.epoch)
        first = ledger.open_tasks(2)
        assert [(t.kind, t.key) for t in first] == [("deliver", "z"), ("sync", "a")]
        assert [t.key for t in ledger.open_tasks(2, ("sync", "a"))] == ["c"]
        assert ledger.open_tasks(2, ("sync", "c")) == []
