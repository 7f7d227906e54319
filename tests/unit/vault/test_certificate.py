"""The local certificate: what it holds for, who can read its key, when it is made anew."""

from __future__ import annotations

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.vault.certificate import LIFE, RENEW, Pair, local_certificate

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)


def read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def names_of(made: x509.Certificate) -> tuple[set[str], set[str]]:
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    assert all(isinstance(one, ipaddress.IPv4Address | ipaddress.IPv6Address) for one in addresses)
    return set(names.get_values_for_type(x509.DNSName)), set(map(str, addresses))


def test_it_is_for_this_machine_alone_and_lives_397_days(tmp_path: Path) -> None:
    pair = local_certificate(tmp_path / "new", NOW, ["Hub-1.office.example"])
    made = read(pair)
    assert names_of(made) == ({"localhost", "hub-1.office.example"}, {"127.0.0.1", "::1"})
    assert made.not_valid_after_utc - made.not_valid_before_utc == LIFE == timedelta(days=397)
    assert made.not_valid_before_utc <= NOW < made.not_valid_after_utc
    key = made.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    made.verify_directly_issued_by(made)


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    pair = local_certificate(tmp_path, NOW)
    assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "web-certificate.pem",
        "web-key.pem",
    ]


def test_it_stays_until_its_last_month(tmp_path: Path) -> None:
    first = read(local_certificate(tmp_path, NOW))
    assert read(local_certificate(tmp_path, NOW + LIFE - RENEW - timedelta(hours=2))) == first
    later = NOW + LIFE - RENEW
    second = read(local_certificate(tmp_path, later))
    assert second != first
    assert second.not_valid_after_utc > later + RENEW


def test_another_host_name_needs_another_one(tmp_path: Path) -> None:
    first = read(local_certificate(tmp_path, NOW, ["hub-1"]))
    assert read(local_certificate(tmp_path, NOW, ["HUB-1"])) == first
    assert names_of(read(local_certificate(tmp_path, NOW, ["hub-2"])))[0] == {"localhost", "hub-2"}


def test_a_host_name_that_is_none_is_passed_over(tmp_path: Path) -> None:
    assert names_of(read(local_certificate(tmp_path, NOW, ["not a name!"])))[0] == {"localhost"}


def test_what_is_broken_or_does_not_fit_is_made_anew(tmp_path: Path) -> None:
    pair = local_certificate(tmp_path, NOW)
    for file, content in (
        (pair.certificate, b""),
        (pair.key, b"no key"),
        (
            pair.key,
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        ),
    ):
        before = read(pair) if file is pair.key else None
        file.write_bytes(content)
        local_certificate(tmp_path, NOW)
        assert read(pair) != before
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        assert key.public_key() == read(pair).public_key()
