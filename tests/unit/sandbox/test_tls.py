"""Encryption: STARTTLS and implicit TLS, with certificates a client can really verify."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermodr_sandbox.protocols.smtp.certificates import CertificateFiles, generate
from hermodr_sandbox.protocols.smtp.session import SmtpOptions
from tests.support.smtp_dialogue import Dialogue, House, sandbox_house


@pytest.fixture
def certificates(tmp_path: Path) -> CertificateFiles:
    return generate(tmp_path / "tls", now=datetime.now(UTC))


def _trusting(certificates: CertificateFiles) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.ca)


async def _upgrade(house: House, context: ssl.SSLContext) -> Dialogue:
    peer = await house.connect()
    assert "STARTTLS" in await peer.ask("EHLO c")
    assert (await peer.ask("STARTTLS")).startswith("220 ")
    await peer.writer.start_tls(context, server_hostname="localhost")
    return peer


async def test_starttls_forgets_what_was_said_in_the_clear(certificates: CertificateFiles) -> None:
    async with sandbox_house(options=SmtpOptions(tls=certificates.server_context())) as house:
        peer = await _upgrade(house, _trusting(certificates))
        assert (await peer.ask("MAIL FROM:<a@x.org>")).startswith("503 5.5.1")
        assert "STARTTLS" not in await peer.ask("EHLO c")
        assert (await peer.send("you@example.org")).startswith("250 ")
        assert house.sandbox.mail(1).client.tls


async def test_commands_smuggled_behind_starttls_are_ignored(certificates: CertificateFiles) -> None:
    async with sandbox_house(options=SmtpOptions(tls=certificates.server_context())) as house:
        peer = await house.connect()
        await peer.say(b"STARTTLS\r\nEHLO smuggled\r\nMAIL FROM:<evil@x.org>\r\n")
        assert (await peer.reply()).startswith("220 ")
        await peer.writer.start_tls(_trusting(certificates), server_hostname="localhost")
        assert (await peer.ask("NOOP")).startswith("250 2.0.0")
        assert (await peer.ask("RCPT TO:<b@x.org>")).startswith("503 ")


async def test_a_handshake_that_is_none_ends_the_connection(certificates: CertificateFiles) -> None:
    async with sandbox_house(options=SmtpOptions(tls=certificates.server_context())) as house:
        peer = await house.connect()
        await peer.ask("STARTTLS")
        await peer.say(b"EHLO this is no handshake at all\r\n")
        await asyncio.wait_for(peer.reader.read(), 5)  # an alert or nothing, then the end
        assert peer.reader.at_eof()
        await _upgrade(house, _trusting(certificates))


async def test_implicit_tls(certificates: CertificateFiles) -> None:
    async with sandbox_house(options=SmtpOptions(tls=certificates.server_context()), tls_port=0) as house:
        streams = await asyncio.open_connection(
            "127.0.0.1", house.server.tls_port, ssl=_trusting(certificates), server_hostname="127.0.0.1"
        )
        peer = Dialogue(*streams)
        house.dialogues.append(peer)
        await peer.reply()
        assert "STARTTLS" not in await peer.ask("EHLO c")
        assert (await peer.send("you@example.org")).startswith("250 ")
        assert house.sandbox.mail(1).client.tls


async def test_verification_fails_for_strangers_names_and_old_certificates(
    certificates: CertificateFiles, tmp_path: Path
) -> None:
    async with sandbox_house(options=SmtpOptions(tls=certificates.server_context())) as house:
        with pytest.raises(ssl.SSLCertVerificationError):
            await _upgrade(house, ssl.create_default_context())
    other = generate(tmp_path / "other", now=datetime.now(UTC), hosts=("mail.example",))
    async with sandbox_house(options=SmtpOptions(tls=other.server_context())) as house:
        with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
            await _upgrade(house, _trusting(other))
    old = generate(tmp_path / "old", now=datetime.now(UTC) - timedelta(days=60))
    async with sandbox_house(options=SmtpOptions(tls=old.server_context())) as house:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await _upgrade(house, _trusting(old))
