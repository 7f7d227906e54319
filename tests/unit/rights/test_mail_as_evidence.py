"""Mail from the address on record, signed by its domain, shows who asks; no other does."""

from __future__ import annotations

import base64
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.rights_desk import Desk

from hub.domain.rights import Right
from hub.rights import identity

AINO = "aino.kukkamaa@posti.example"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
_PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
)


def dns(*_: Any, **__: Any) -> bytes:
    """Every domain publishes the same key."""
    return b"v=DKIM1; k=rsa; p=" + _PUBLIC


def mail(sender: str) -> bytes:
    return f"From: {sender}\r\nTo: contact@crowst.example\r\n\r\nPoistakaa tietoni.\r\n".encode()


def signed(letter: bytes, *domains: str) -> bytes:
    """The letter under a signature of each domain."""
    lines = [dkim.sign(letter, b"s1", one.encode(), _PRIVATE) for one in domains]
    return b"".join([*lines, letter])


def shows(desk: Desk, letter: bytes) -> bool:
    number = desk.open(Right.ERASURE, AINO)
    enough = identity.by_message(desk.deployment, number, letter, desk.who, resolve=dns)
    assert desk.row(number).state == ("planned" if enough else "identity_pending")
    return enough


@pytest.mark.parametrize(
    "sender",
    [AINO, f"Aino Kukkamaa <{AINO}>", f'"{AINO}" <{AINO.upper()}>', f"=?utf-8?q?A?= <{AINO}>"],
)
def test_mail_that_its_own_domain_signed(desk: Desk, sender: str) -> None:
    assert shows(desk, signed(mail(sender), "posti.example"))


def test_a_saved_file_may_have_other_line_ends(desk: Desk) -> None:
    assert shows(desk, signed(mail(AINO), "posti.example").replace(b"\r\n", b"\n"))


def test_one_of_several_signatures_is_enough(desk: Desk) -> None:
    assert shows(desk, signed(mail(AINO), "lahettaja.example", "posti.example"))


@pytest.mark.parametrize(
    "sender",
    [
        f"{AINO} <mallory@posti.example>",
        f"mallory@posti.example <{AINO}>",
        f"{AINO}, mallory@posti.example",
        f"mallory@posti.example ({AINO})",
    ],
)
def test_a_name_that_looks_like_the_address_is_not_the_sender(desk: Desk, sender: str) -> None:
    """Somebody at the same provider writes their own name as they like, and it is signed."""
    assert not shows(desk, signed(mail(sender), "posti.example"))


def test_a_second_sender_put_on_afterwards(desk: Desk) -> None:
    letter = signed(mail("mallory@posti.example"), "posti.example")
    assert not shows(desk, f"From: {AINO}\r\n".encode() + letter)


@pytest.mark.parametrize("domains", [(), ("lahettaja.example",)])
def test_mail_that_its_own_domain_did_not_sign(desk: Desk, domains: tuple[str, ...]) -> None:
    assert not shows(desk, signed(mail(AINO), *domains))


def test_mail_that_was_changed(desk: Desk) -> None:
    letter = signed(mail(AINO), "posti.example").replace(b"tietoni", b"kaiken")
    assert not shows(desk, letter)
