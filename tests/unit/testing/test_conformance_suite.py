"""The conformance suite passes over a good connector, and fails over each kind of bad one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hub.api import AuthFailed, Capability
from hub.testing.conformance import ConnectorConformance
from hub.testing.sandbox import FaultKind
from tests.unit.testing import broken_acme_quietly as quietly
from tests.unit.testing.acme import Acme, acme_type
from tests.unit.testing.acme_suite import AcmeSuite, account_of
from tests.unit.testing.broken_acmes import (
    AddressInTheRoute,
    AnswersInItsOwnOrder,
    DropsBadRows,
    EchoesWhatWasSent,
    EndsOnErrors,
    EverySubscriptionIsAnAct,
    ForgetsMerges,
    LosesFailedInputs,
    NamesThePerson,
    Overwrites,
    RaisesInCheck,
    ReadsEveryField,
    RepeatsBlindly,
    ResubscribesOnUpdate,
    SaysCompleteTooEarly,
    SkipsEqualTimes,
    StopsAfterOnePage,
    SubscribesBlindly,
    SubscribesOverARefusal,
    SwallowsErrors,
    TakesArchivedForGone,
    TimesWithoutZone,
    TrustsTheStatus,
)


class TestAcme(AcmeSuite):
    """The good one."""


BROKEN: list[tuple[type[Acme], str, Mapping[str, Any]]] = [
    (SkipsEqualTimes, "test_equal_timestamps_at_the_cursor_are_not_skipped", {}),
    (SkipsEqualTimes, "test_every_cursor_goes_on_without_loss_in_another_process", {}),
    (SaysCompleteTooEarly, "test_only_the_last_page_of_an_enumeration_is_complete", {}),
    (StopsAfterOnePage, "test_everyone_is_enumerated", {}),
    (DropsBadRows, "test_a_malformed_row_is_rejected_and_the_rest_land", {}),
    (
        SwallowsErrors,
        "test_a_fetch_tells_the_truth_or_fails",
        {"kind": FaultKind.EMPTY, "times": None},
    ),
    (
        EndsOnErrors,
        "test_an_enumeration_is_whole_or_fails",
        {"kind": FaultKind.HTML, "times": None},
    ),
    (
        EndsOnErrors,
        "test_what_changed_is_read_or_the_reader_fails",
        {"kind": FaultKind.TORN, "times": 1},
    ),
    (
        SubscribesBlindly,
        "test_a_yes_never_lands_on_a_refusal",
        {"kind": FaultKind.EMPTY, "times": 1},
    ),
    (SwallowsErrors, "test_check_names_a_refused_credential_and_its_mend", {}),
    (SwallowsErrors, "test_check_names_an_unknown_field", {}),
    (AnswersInItsOwnOrder, "test_one_answer_per_ref_in_their_order", {}),
    (AnswersInItsOwnOrder, "test_the_unknown_is_none", {}),
    (ReadsEveryField, "test_a_field_that_is_not_mapped_is_absent", {}),
    (TakesArchivedForGone, "test_an_archived_record_is_not_gone", {}),
    (ForgetsMerges, "test_a_merge_leaves_the_loser_as_an_alias", {}),
    (EverySubscriptionIsAnAct, "test_a_subscription_by_staff_shows_no_act", {}),
    (TimesWithoutZone, "test_a_form_is_yes_with_its_act_and_time", {}),
    (Overwrites, "test_a_create_of_what_is_there_overwrites_nothing", {}),
    (ResubscribesOnUpdate, "test_an_update_never_carries_a_status", {"wish": "no"}),
    (SubscribesOverARefusal, "test_a_yes_over_a_refusal_is_refused_and_leaves_it", {}),
    (LosesFailedInputs, "test_every_input_of_a_mixed_batch_gets_its_own_verdict", {}),
    (TrustsTheStatus, "test_an_update_of_what_is_not_there_is_permanent", {}),
    (
        TrustsTheStatus,
        "test_records_end_as_they_are_told",
        {"kind": FaultKind.PARTIAL, "times": None},
    ),
    (RepeatsBlindly, "test_records_end_as_they_are_told", {"kind": FaultKind.TORN, "times": 1}),
    (RepeatsBlindly, "test_wishes_end_as_they_are_told", {"kind": FaultKind.EMPTY, "times": 1}),
    (EchoesWhatWasSent, "test_an_update_changes_only_what_is_named", {}),
    (NamesThePerson, "test_no_personal_data_is_said", {"kind": None, "times": None}),
    (quietly.CompleteWithoutEveryone, "test_what_changed_is_no_enumeration", {}),
    (quietly.GoesOnByItself, "test_enumerating_twice_reads_the_same", {}),
    (quietly.AddressInTheCursor, "test_no_personal_data_in_a_cursor", {}),
    (
        quietly.ReadsEveryScope,
        "test_who_is_only_in_another_scope_is_not_read_in_this_one",
        {},
    ),
    (
        quietly.FindsThemElsewhere,
        "test_who_is_only_in_another_scope_is_not_read_in_this_one",
        {},
    ),
    (quietly.EveryRecordIsAnAct, "test_a_subscription_by_staff_shows_no_act", {}),
    (quietly.ActWithoutItsTime, "test_nothing_said_is_not_a_wish", {}),
    (EverySubscriptionIsAnAct, "test_a_yes_that_the_hub_wrote_is_no_act_when_it_is_read", {}),
    (quietly.TwoWishesOfOneTopic, "test_a_form_is_yes_with_its_act_and_time", {}),
    (quietly.LeavesOutFirstRefusals, "test_a_create_carries_a_first_refusal", {}),
    (
        quietly.ThrottledIsFinal,
        "test_wishes_end_as_they_are_told",
        {"kind": FaultKind.TOO_MANY, "times": None},
    ),
    (quietly.CorrectsWishesToo, "test_a_correction_carries_no_wish", {}),
    (quietly.LocatesInAscii, "test_locating_by_an_address_outside_ascii", {}),
    (AddressInTheRoute, "test_no_personal_data_is_said", {"kind": FaultKind.DROP, "times": None}),
]


@pytest.mark.parametrize(
    ("connector", "test", "given"),
    BROKEN,
    ids=[f"{connector.__name__}-{test}" for connector, test, _ in BROKEN],
)
def test_the_suite_finds(connector: type[Acme], test: str, given: Mapping[str, Any]) -> None:
    suite = account_of(connector)
    with pytest.raises(AssertionError):
        getattr(suite, test)(**given)
    suite.close()


def test_the_suite_finds_an_exception_out_of_check() -> None:
    suite = account_of(RaisesInCheck)
    with pytest.raises(AuthFailed):
        suite.test_check_names_a_refused_credential_and_its_mend()
    suite.close()


def test_what_is_not_declared_is_skipped_with_a_reason() -> None:
    suite = account_of(Acme)
    reading = replace(acme_type(), capabilities=frozenset({Capability.READ}))
    suite.connector_type = reading  # type: ignore[misc]  # an instance of its own, for this test
    with pytest.raises(pytest.skip.Exception, match="write is not declared"):
        suite.test_a_create_is_stored()
    with pytest.raises(pytest.skip.Exception, match="write_consents is not declared"):
        suite.test_a_no_goes_out()
    with pytest.raises(pytest.skip.Exception, match="Acme sends no mail"):
        suite.test_a_bounce_is_no_wish()
    suite.close()


def test_every_part_of_the_suite_runs() -> None:
    tests = [name for name, _ in inspect.getmembers(TestAcme) if name.startswith("test_")]
    assert len(tests) > 60
    undocumented = {test for _, test, _ in BROKEN} - set(tests)
    assert not undocumented


def test_no_test_of_the_suite_hides_another_of_the_same_name() -> None:
    parts = [part for part in ConnectorConformance.__mro__ if part is not ConnectorConformance]
    told = [name for part in parts for name in vars(part) if name.startswith("test_")]
    assert len(told) == len(set(told)), sorted(name for name in set(told) if told.count(name) > 1)
