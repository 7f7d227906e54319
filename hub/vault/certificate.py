"""The local certificate: what the admin endpoint shows until a real one is configured.

It is made on this machine for this machine's own names, and nobody vouches for it: callers trust
the file itself (`curl --cacert`). It lives 397 days, as browsers take it, and is made anew when its
last month has come.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=397)
RENEW = timedelta(days=30)
"""How long before its end it is made anew."""

NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)


class Pair(NamedTuple):
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


def local_certificate(folder: Path, now: datetime, hosts: Iterable[str] = ()) -> Pair:
    """The local certificate in that folder, made where there is none that holds for another month
    and for those host names too. The key can be read by its owner alone.

    Raises OSError where the folder cannot be written.
    """
    pair = Pair(folder / "web-certificate.pem", folder / "web-key.pem")
    names = [*NAMES, *(one.lower() for one in hosts if _HOST.fullmatch(one))]
    if not _holds(pair, now, names):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        # a crash between the two leaves a pair that does not fit, which is then made anew
        _write(
            pair.key,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            0o600,
        )
        made = _made(key, now, list(dict.fromkeys(names)))
        _write(pair.certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return pair


def _made(key: ec.EllipticCurvePrivateKey, now: datetime, names: Sequence[str]) -> x509.Certificate:
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub local certificate")])
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,  # it vouches for itself
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now - timedelta(hours=1) + LIFE)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    *(x509.DNSName(one) for one in names),
                    *(x509.IPAddress(ipaddress.ip_address(one)) for one in ADDRESSES),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own, critical=False)
        .sign(key, hashes.SHA256())
    )


def _holds(pair: Pair, now: datetime, names: Sequence[str]) -> bool:
    """Whether the files are there, belong together, and will do for a while."""
    try:
        made = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        known = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for_names = set(known.get_values_for_type(x509.DNSName))
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        key.public_key() == made.public_key()
        and made.not_valid_before_utc <= now < made.not_valid_after_utc - RENEW
        and for_names >= set(names)
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put the file there whole: another process may be reading it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
