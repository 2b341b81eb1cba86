from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from hermodr_email_sender import mime
from hermodr_email_sender.checkup import expected_records
from hermodr_email_sender.dkim_signing import DkimSigner, UnusableKey, keys_of
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.providers.dsns import build_providers
from tests.support.mails import PLAIN, SENDER, mail
from tests.support.scripted_smtp import ScriptedSmtp

Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def pem(
    key: Private, form: PrivateFormat = PrivateFormat.PKCS8, lock: KeySerializationEncryption | None = None
) -> bytes:
    return key.private_bytes(Encoding.PEM, form, lock or NoEncryption())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of `hermodr.example`, an older and a newer one, in the two forms that openssl writes."""
    made = tmp_path_factory.mktemp("dkim")
    for selector, form in (("s1", PrivateFormat.TraditionalOpenSSL), ("s2", PrivateFormat.PKCS8)):
        (made / f"{selector}._domainkey.hermodr.example.pem").write_bytes(pem(rsa_key(), form))
    (made / "README").write_text("not a key")
    return made


def published(folder: Path) -> Callable[..., bytes | None]:
    """DNS, as dkimpy asks it."""
    records = {f"{each.selector}._domainkey.{each.domain}.": each.record for each in keys_of(folder)}

    def ask(name: bytes, timeout: int = 5) -> bytes | None:
        record = records.get(name.decode())
        return record.encode() if record is not None else None

    return ask


def signed(folder: Path, message: OutgoingEmail, sender: Mailbox = SENDER) -> bytes:
    return DkimSigner(keys_of(folder)).signed(mime.build(message, sender).content, sender)


@pytest.mark.parametrize(
    "message",
    [
        PLAIN,
        mail(text="Grüße\n" * 50, html="<p>Grüße &amp; Küsse</p>\n" * 40, subject="Schöne Grüße " * 9),
        mail(text="", to_name="Doe, Jane"),
        mail(text="trailing  \n\n\n\n", headers={"List-Unsubscribe": "<https://hermodr.example/u/1>"}),
    ],
)
def test_a_signed_mail_verifies_and_is_else_as_it_was(folder: Path, message: OutgoingEmail) -> None:
    plain = mime.build(message, SENDER).content
    content = signed(folder, message)
    assert content.endswith(plain)
    assert content.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=hermodr.example;")
    assert b"s=s2;" in content, "the newest selector signs"
    assert dkim.verify(content, dnsfunc=published(folder))
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"See you on Monday", b"See you on Sunday"),
        (b"Subject: Your booking", b"Subject: Your holiday"),
        (b"\r\nFrom: ", b"\r\nFrom: Boss <boss@hermodr.example>\r\nFrom: "),
        (b"\r\nSubject: ", b"\r\nReply-To: a@evil.example\r\nSubject: "),
        (b"<https://hermodr.example/u/1>", b"<https://evil.example/u/1>"),
        (b"=One-Click", b"=Two-Click"),
    ],
)
def test_what_a_relay_changes_is_found_out(folder: Path, old: bytes, new: bytes) -> None:
    unsubscribe = {
        "List-Unsubscribe": "<https://hermodr.example/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    reply_to = (Mailbox("desk@hermodr.example"),)
    content = signed(folder, mail(headers=unsubscribe, reply_to=reply_to))
    assert old in content
    assert not dkim.verify(content.replace(old, new, 1), dnsfunc=published(folder))


def test_whose_key_signs(folder: Path) -> None:
    signer = DkimSigner(keys_of(folder))
    below = signer.key_of(Mailbox("a@Mail.Hermodr.Example"))
    assert below is not None
    assert below.domain == "hermodr.example"
    for stranger in ("a@nothermodr.example", "a@hermodr.example.org"):
        assert signer.key_of(Mailbox(stranger)) is None
    assert signed(folder, PLAIN, Mailbox("a@example.org")).startswith(b"From: a@example.org")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("example.com.pem", pem(rsa_key()), "not named SELECTOR._domainkey.DOMAIN.pem"),
        ("S1._domainkey.example.com.pem", pem(rsa_key()), "lower case"),
        ("s1._domainkey.example.com.pem", b"s3cret", "no unencrypted private key"),
        ("s1._domainkey.example.com.pem", pem(rsa_key(), lock=BestAvailableEncryption(b"x")), "unencrypted"),
        ("s1._domainkey.example.com.pem", pem(ed25519.Ed25519PrivateKey.generate()), "not an RSA key"),
        (
            "s1._domainkey.example.com.pem",
            pem(rsa_key()).replace(b"PRIVATE", b"PUBLIC"),
            "no unencrypted private key",
        ),
    ],
)
def test_unusable_keys_are_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnusableKey) as refused:
        keys_of(tmp_path)
    assert name in str(refused.value)
    assert says in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_folder_without_keys(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="holds no file"):
        keys_of(tmp_path)
    with pytest.raises(UnusableKey, match="cannot be read"):
        keys_of(tmp_path / "nowhere")


async def test_what_arrives_by_smtp_verifies(folder: Path) -> None:
    message = mail(text=".\n..two\nGrüße\n.", html="<p>.</p>\n.\n")
    async with ScriptedSmtp().running() as server:
        (provider,) = build_providers(
            f"smtp://127.0.0.1:{server.port}",
            sender=SENDER,
            production=False,
            signer=DkimSigner(keys_of(folder)),
        )
        await provider.prepare(message)()
        await provider.close()
    (received,) = server.mails
    undotted = b"\r\n".join(line.removeprefix(b".") for line in received.content.split(b"\r\n"))
    assert dkim.verify(undotted, dnsfunc=published(folder))


def test_what_doctor_expects_in_dns(folder: Path) -> None:
    providers = build_providers(
        "smtp://127.0.0.1 resend://KEY@default?from=a@resend.example sendgrid://KEY@default?from=a@Sg.example",
        sender=SENDER,
        production=False,
    )
    first, second = keys_of(folder)
    assert expected_records(providers, [first, second]) == {
        "hermodr.example": {"s1": first.record, "s2": second.record},
        "resend.example": {"resend": None},
        "sg.example": {"s1": None, "s2": None},
    }
