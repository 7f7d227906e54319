"""The sealed documents come back as they went in; fingerprints say what a vendor shows."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hub.api import Consent, FieldValue, Stance
from hub.domain.profile import Value
from hub.store.documents import Shadow, Stated, canonical, dump_profile, load_profile, stated

AT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
plain = st.none() | texts | st.lists(texts, max_size=3).map(lambda v: tuple(sorted(set(v))))
values = st.builds(
    Value, plain, names, moments, st.frozensets(names, max_size=3), rectified=st.booleans()
)
raw = (
    st.none()
    | texts
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(texts, max_size=3)
)
stamps = st.none() | moments.map(datetime.isoformat)
consents = st.dictionaries(
    names, st.tuples(st.sampled_from(Stance).map(str), stamps, st.none() | names), max_size=3
)
fields = st.dictionaries(names, raw, max_size=4)
states = st.sampled_from(["live", "archived", "gone"])
shadows = st.builds(
    Shadow,
    fields,
    consents,
    states,
    sent=fields,
    held=st.lists(names, max_size=3).map(tuple),
    echoes=st.dictionaries(names, st.tuples(names, moments.map(datetime.isoformat)), max_size=3),
)

Shown = tuple[dict[str, FieldValue], dict[str, Stated], str]


@given(st.dictionaries(names, values, max_size=5))
def test_a_profile_comes_back_as_it_was(profile: dict[str, Value]) -> None:
    assert load_profile(dump_profile(profile)) == profile


@given(shadows)
def test_a_shadow_comes_back_as_it_was(shadow: Shadow) -> None:
    loaded = Shadow.load(shadow.dump())
    assert loaded == shadow
    assert loaded.canonical() == shadow.canonical()


@given(fields, consents, states)
def test_the_order_in_which_a_vendor_answers_does_not_matter(
    fields: dict[str, FieldValue], consents: dict[str, Stated], state: str
) -> None:
    turned = dict(reversed(fields.items())), dict(reversed(consents.items())), state
    assert canonical(*turned) == canonical(fields, consents, state)


@given(st.tuples(fields, consents, states), st.tuples(fields, consents, states))
def test_what_differs_has_other_canonical_bytes(one: Shown, other: Shown) -> None:
    same = canonical(*one) == canonical(*other)
    assert same == (_exactly(one) == _exactly(other))


def _exactly(shown: object) -> object:
    """Python takes 1, 1.0 and True for equal, and -0.0 for 0.0; a vendor shows them apart."""
    if isinstance(shown, dict):
        return {key: _exactly(one) for key, one in shown.items()}
    if isinstance(shown, list | tuple):
        return [_exactly(one) for one in shown]
    return repr(shown)


def test_only_what_the_vendor_shows_is_in_the_canonical_bytes() -> None:
    plain = Shadow(fields={"email": "aino@firma.example"})
    told = Shadow(
        fields={"email": "aino@firma.example"},
        sent={"phone": "+358401234567"},
        held=("phone",),
        echoes={"news": ("no", AT.isoformat())},
    )
    assert plain.canonical() == told.canonical()
    for other in (
        Shadow(fields={"email": None}),
        Shadow(),
        Shadow(fields={"email": "aino@firma.example"}, state="archived"),
        Shadow(fields={"email": "aino@firma.example"}, consents={"news": ("no", None, None)}),
    ):
        assert other.canonical() != plain.canonical()


def test_an_absent_field_is_not_an_empty_one() -> None:
    loaded = Shadow.load(Shadow(fields={"phone": None}).dump())
    assert loaded.fields == {"phone": None}
    assert load_profile(dump_profile({})) == {}


def test_consents_are_kept_by_topic() -> None:
    kept = stated([Consent("news", Stance.YES, AT, "form"), Consent("events", Stance.NO)])
    assert kept == {
        "news": ("yes", "2026-11-23T09:00:00.123456+00:00", "form"),
        "events": ("no", None, None),
    }
