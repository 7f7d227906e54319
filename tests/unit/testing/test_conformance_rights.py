"""The conformance suite fails over each connector that reads activities or serves rights badly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hub.api import Act, Capability, Residual
from hub.testing.sandbox import FaultKind
from tests.unit.testing import broken_acme_activities as activities
from tests.unit.testing import broken_acme_acts as acts
from tests.unit.testing import broken_acme_rights as rights
from tests.unit.testing.acme import Acme, acme_type
from tests.unit.testing.acme_suite import AcmeSuite, account_of
from tests.unit.testing.broken_acmes import TrustsTheStatus

DROPPED = {"kind": FaultKind.DROP_AFTER, "times": None}
FAILING = {"kind": FaultKind.SERVER_ERROR, "times": None}
PARTLY = {"kind": FaultKind.PARTIAL, "times": None}
QUIET = {"kind": None, "times": None}

BROKEN: list[tuple[type[Acme], str, Mapping[str, Any]]] = [
    (activities.ActivitiesOfNoScope, "test_what_happened_is_told", {}),
    (activities.TakesAllForAttendance, "test_each_kind_is_told_as_what_it_is", {}),
    (activities.ActivitiesWithoutZone, "test_times_of_activities_are_aware_and_true", {}),
    (activities.LocalTimesAsUtc, "test_times_of_activities_are_aware_and_true", {}),
    (activities.AddressInTheId, "test_ids_of_activities_carry_no_address", {}),
    (
        activities.NewIdsAtEachRead,
        "test_ids_of_activities_are_the_same_whenever_they_are_read",
        {},
    ),
    (activities.TellsEveryKind, "test_only_the_kinds_that_are_asked_for", {}),
    (activities.NumbersTheSameAgain, "test_nothing_new_happened_is_nothing_or_the_same", {}),
    (
        activities.GoesOnOneTooFar,
        "test_what_happens_later_is_told_once_read_again",
        {"seconds": 0},
    ),
    (
        activities.GoesOnOneTooFar,
        "test_cursors_of_activities_go_on_without_loss_in_another_process",
        {},
    ),
    (
        activities.StopsAfterOnePageOfActivities,
        "test_cursors_of_activities_go_on_without_loss_in_another_process",
        {},
    ),
    (
        activities.GoesOnOneTooFar,
        "test_a_reader_of_activities_taken_up_page_by_page_loses_nothing",
        {},
    ),
    (
        activities.DropsBadActivities,
        "test_a_malformed_activity_is_rejected_and_the_rest_land",
        {},
    ),
    (
        activities.EndsActivitiesOnErrors,
        "test_an_outage_of_activities_is_an_error_and_loses_nothing",
        {**FAILING, "first": True},
    ),
    (
        activities.EndsActivitiesOnErrors,
        "test_an_outage_of_activities_is_an_error_and_loses_nothing",
        {"kind": FaultKind.HTML, "times": 1, "first": False},
    ),
    (
        activities.TellsNothingWhenRefused,
        "test_a_refused_credential_tells_no_activities",
        {},
    ),
    (activities.LogsTheSubject, "test_no_personal_data_is_said_of_activities", QUIET),
    (rights.LocatesByAddressOnly, "test_locating_by_its_link", {}),
    (rights.LocatesByAddressOnly, "test_locating_by_its_link_though_its_address_has_changed", {}),
    (rights.LocatesByLinkOnly, "test_locating_by_its_address", {}),
    (rights.LocatesByLinkOnly, "test_locating_by_its_address_after_it_was_changed", {}),
    (rights.LocatesByLinkOnly, "test_locating_among_more_people_than_a_page", {}),
    (rights.LocatesTheFirstForAll, "test_locating_several_at_once", {}),
    (rights.LocatesBySearch, "test_locating_though_searches_lag", {}),
    (rights.LocatesOnlySubscribers, "test_locating_one_that_unsubscribed_too", {}),
    (rights.LocatesByTheLetter, "test_locating_by_its_address_in_any_letter_case", {}),
    (rights.LocatesOnlyWhatIsConfigured, "test_locating_in_a_scope_that_is_not_configured", {}),
    (rights.LocatesOnlyTheLiving, "test_locating_an_archived_one_too", {}),
    (rights.ForgetsWhatWasMerged, "test_locating_what_was_merged_is_found_by_its_old_link", {}),
    (rights.SureOfAPhone, "test_locating_by_its_phone_number_it_is_a_weak_match", {}),
    (rights.LocatesEachWay, "test_locating_each_record_once", {}),
    (rights.LocatesWithATrace, "test_locating_a_stranger_is_nowhere_and_stays_so", {}),
    (rights.LocatesWhoIsAlike, "test_locating_nobody_else_is_found", {}),
    (rights.LocatesNobodyInAnOutage, "test_an_outage_is_never_a_shorter_list", FAILING),
    (
        rights.ExportsEveryone,
        "test_exporting_all_that_is_held_of_the_person_and_of_nobody_else",
        {},
    ),
    (rights.ExportsEveryone, "test_exporting_more_records_than_a_page", {}),
    (rights.ExportsWhatIsMapped, "test_exporting_every_field_not_only_the_mapped_ones", {}),
    (rights.ExportsNoPermissions, "test_exporting_permissions_are_part_of_it", {}),
    (rights.ExportsNoActivities, "test_exporting_activities_are_part_of_it", {}),
    (rights.ExportsEveryonesActivities, "test_exporting_activities_are_part_of_it", {}),
    (
        rights.ExportsOnlyTheLiving,
        "test_exporting_one_that_is_archived_and_not_what_is_gone",
        {},
    ),
    (rights.ExportsOnlyWhatIsConfigured, "test_exporting_of_every_record_that_is_located", {}),
    (rights.ExportsWithATrace, "test_exporting_changes_nothing", {}),
    (rights.ExportsNothingInAnOutage, "test_an_export_is_whole_or_fails", FAILING),
    (acts.RectifiesTheWholeRecord, "test_a_correction_changes_only_what_is_named", {}),
    (acts.RectifiesByAddress, "test_a_correction_in_a_scope_that_is_not_configured", {}),
    (acts.RectifiesTheLiving, "test_a_correction_of_an_archived_record", {}),
    (acts.RectifiesWhoIsNotThere, "test_every_correction_gets_its_own_result", {}),
    (TrustsTheStatus, "test_corrections_end_as_they_are_told", PARTLY),
    (acts.ErasesNothing, "test_erasing_takes_exactly_that_record", {}),
    (acts.ErasesByAddress, "test_erasing_by_its_id_and_never_by_its_address", {}),
    (acts.ErasesByAddress, "test_erasing_though_its_address_has_changed", {}),
    (acts.ErasesInEveryScope, "test_erasing_in_a_scope_that_is_not_configured", {}),
    (acts.ArchivedIsErased, "test_an_archived_record_is_erased_too", {}),
    (acts.AbsentIsAnError, "test_erasing_again_is_fine_and_leaves_no_trace", {}),
    (acts.ErasesWithATrace, "test_erasing_again_is_fine_and_leaves_no_trace", {}),
    (acts.ProvesByHope, "test_an_erasure_is_proved_only_when_it_is_gone", {}),
    (acts.ProvesInItsOwnOrder, "test_erasures_have_one_proof_per_record_in_their_order", {}),
    (acts.ErasesNothing, "test_who_is_erased_is_found_nowhere_afterwards", {}),
    (acts.ErasesOnlyTheFirst, "test_every_erasure_gets_its_own_result", {}),
    (acts.GivesUpOnErrors, "test_erasures_end_as_they_are_told", DROPPED),
    (TrustsTheStatus, "test_erasures_end_as_they_are_told", PARTLY),
    (acts.ProvesByErrors, "test_an_outage_proves_no_erasure", FAILING),
    (acts.NamesWhoIsErased, "test_no_personal_data_is_said_for_a_right", QUIET),
    (
        acts.RestrictsByUnsubscribing,
        "test_a_restriction_reads_neither_as_a_refusal_nor_as_a_deletion",
        {"wish": "yes"},
    ),
    (
        acts.RestrictsByErasing,
        "test_a_restriction_reads_neither_as_a_refusal_nor_as_a_deletion",
        {"wish": "none"},
    ),
    (
        acts.HidesTheRestricted,
        "test_a_restriction_reads_neither_as_a_refusal_nor_as_a_deletion",
        {"wish": "none"},
    ),
    (acts.RestrictsTheFirstOfAPage, "test_nobody_else_is_restricted", {}),
    (acts.RestrictsNobody, "test_a_restriction_is_proved_only_while_it_stands", {}),
    (acts.LiftsNothing, "test_a_restriction_is_proved_only_while_it_stands", {}),
    (acts.LiftsToSubscribed, "test_lifting_brings_back_what_was", {"wish": "no"}),
    (acts.LiftsToSubscribed, "test_lifting_brings_back_what_was", {"wish": "none"}),
    (
        acts.LiftsToSubscribed,
        "test_a_refusal_by_the_person_meanwhile_survives_lifting",
        {},
    ),
    (
        acts.LiftsToSubscribed,
        "test_a_refusal_that_the_hub_sent_meanwhile_survives_lifting",
        {},
    ),
    (acts.LiftsToLive, "test_lifting_leaves_put_aside_what_was_put_aside", {}),
    (acts.ArchivesForgetfully, "test_restricting_twice_forgets_nothing", {"wish": "none"}),
    (acts.RemembersTheLastState, "test_restricting_twice_forgets_nothing", {"wish": "yes"}),
    (acts.RestrictsNobody, "test_restricting_in_a_scope_that_is_not_configured", {}),
    (acts.NamesTheRestricted, "test_the_memo_says_nothing_of_the_person", {}),
    (acts.RestrictsWhoIsNotThere, "test_restricting_makes_nobody", {}),
    (acts.RestrictsNobody, "test_every_restriction_gets_its_own_result", {}),
    (TrustsTheStatus, "test_restrictions_end_as_they_are_told", PARTLY),
    (acts.LiftsInAnOutage, "test_liftings_end_as_they_are_told", FAILING),
    (acts.ProvesByErrors, "test_an_outage_proves_no_restriction", FAILING),
    (acts.NamesTheRestricted, "test_no_personal_data_is_said_of_a_restriction", QUIET),
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


@pytest.mark.parametrize("capability", sorted(set(Capability) - {Capability.READ}))
def test_what_is_declared_and_missing_is_named(capability: Capability) -> None:
    method = {"write": "write", "read_activities": "activities"}.get(capability, capability)
    lacking = type("Lacking", (Acme,), {method: None})  # None is how a class takes a method away
    suite = account_of(lacking)
    with pytest.raises(AssertionError, match=f"{capability} is declared, and .* is missing"):
        suite.test_what_is_declared_is_what_is_implemented(capability)
    suite.close()


@pytest.mark.parametrize("capability", sorted(set(Capability) - {Capability.READ}))
def test_what_is_there_and_not_declared_is_named(capability: Capability) -> None:
    suite = declaring(capabilities=frozenset(Capability) - {capability})
    with pytest.raises(AssertionError, match=f"and {capability} not declared"):
        suite.test_what_is_declared_is_what_is_implemented(capability)
    suite.close()


def test_acts_that_nothing_proves_are_named() -> None:
    suite = account_of(type("Unproved", (Acme,), {"verify": None}))
    with pytest.raises(AssertionError, match="erase, restrict declared without verify"):
        suite.test_an_act_that_is_declared_can_be_verified()
    suite.close()


def test_kinds_of_activities_that_nothing_reads_are_found() -> None:
    suite = declaring(capabilities=frozenset(Capability) - {Capability.READ_ACTIVITIES})
    with pytest.raises(AssertionError):
        suite.test_kinds_of_activities_are_declared_with_reading_them()
    suite.close()


@pytest.mark.parametrize("missing", ["fi", "sv", "en"])
def test_a_residual_that_is_not_explained_in_a_language_is_named(missing: str) -> None:
    texts = {lang: "…" for lang in ("fi", "sv", "en") if lang != missing}
    suite = declaring(residuals=(Residual("reports", Act.ERASE, texts),))
    with pytest.raises(AssertionError, match=f"residual reports: no instructions in {missing}"):
        suite.test_what_no_call_reaches_is_explained_to_a_person()
    suite.close()


def test_rights_that_are_not_declared_are_skipped_with_a_reason() -> None:
    suite = declaring(capabilities=frozenset({Capability.READ}))
    for test, reason in {
        "test_what_happened_is_told": "read_activities is not declared",
        "test_locating_by_its_link": "locate is not declared",
        "test_exporting_changes_nothing": "export is not declared",
        "test_every_correction_gets_its_own_result": "rectify is not declared",
        "test_erasing_takes_exactly_that_record": "erase is not declared",
        "test_the_memo_says_nothing_of_the_person": "restrict is not declared",
    }.items():
        with pytest.raises(pytest.skip.Exception, match=reason):
            getattr(suite, test)()
    suite.close()


def declaring(**changed: Any) -> AcmeSuite:
    """The good connector, declared otherwise."""
    suite = account_of(Acme)
    suite.connector_type = replace(acme_type(), **changed)  # type: ignore[misc]  # an instance of its own, for this test
    return suite
