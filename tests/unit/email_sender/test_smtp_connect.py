from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest
import trustme

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, TransientError
from hermodr_email_sender.providers.dsns import EmailProvider, build_providers
from hermodr_email_sender.providers.smtp.names import address_literal
from tests.support.mails import PLAIN, SENDER
from tests.support.scripted_smtp import Cut, Hold, Later, ScriptedSmtp, Stage

AUTH = "AUTH PLAIN LOGIN"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@asynccontextmanager
async def provider(dsn: str, *, production: bool = False) -> AsyncIterator[EmailProvider]:
    (made,) = build_providers(dsn, sender=SENDER, production=production)
    try:
        yield made
    finally:
        await made.close()


async def failure_of(dsn: str) -> DeliveryFailure:
    async with provider(dsn) as sender:
        with pytest.raises(DeliveryFailure) as caught:
            await sender.prepare(PLAIN)()
    assert "secret" not in str(caught.value)
    return caught.value


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        failure = await failure_of(f"smtp://127.0.0.1:{unused.getsockname()[1]}")
    assert (type(failure), failure.code) == (TransientError, "connect_refused")


async def test_a_host_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody_knows(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nobody_knows)
    failure = await failure_of("smtp://nowhere.invalid:25?helo=me.example")
    assert (type(failure), failure.code) == (TransientError, "dns_failed")


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        ("554 5.7.1 your address is blocked", "smtp_554"),
        ("421 4.7.0 too many connections", "smtp_421"),
        ("450 4.7.0 later", "smtp_450"),
        ("250 what?", "protocol_error"),
        ("nonsense", "protocol_error"),
        (Cut(), "connect_failed"),
    ],
)
async def test_a_server_that_does_not_welcome_us_burns_no_mail(greeting: str | Cut, code: str) -> None:
    async with ScriptedSmtp().running() as server:
        server.on("CONNECT", greeting)
        failure = await failure_of(f"smtp://127.0.0.1:{server.port}")
    assert (type(failure), failure.code) == (Refused, code)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_server_that_takes_connections_and_does_not_greet_burns_no_mail(scheme: str) -> None:
    async with ScriptedSmtp().running() as server:
        server.on("CONNECT", Hold())
        failure = await failure_of(f"{scheme}://127.0.0.1:{server.port}?timeout=30&greeting_timeout=0.05")
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code, failure.named) == (Cause.CONNECTIONS, "connect_timeout", False)
    assert failure.detail == "the server was silent for 0.05 s before it greeted us"


@pytest.mark.parametrize("stage", ["CONNECT", "AUTH"])
async def test_a_slow_beginning_is_waited_for_longer_than_a_connection(stage: Stage) -> None:
    async with ScriptedSmtp(extensions=["AUTH PLAIN"]).running() as server:
        server.on(stage, Later(0.7))
        place = f"smtp://jane:secret@127.0.0.1:{server.port}?timeout=0.5"
        async with provider(place) as sender:
            await sender.prepare(PLAIN)()
    assert len(server.mails) == 1


async def test_a_connection_that_does_not_come_is_waited_for_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(*_: object) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", silence)
    failure = await failure_of("smtp://127.0.0.1:25?timeout=0.05")
    assert (type(failure), failure.code) == (TransientError, "connect_timeout")
    assert failure.detail == "no connection within 0.05 s"


async def test_the_next_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedSmtp().running() as server:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            found = [
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", address)
                for address in (unused.getsockname(), ("127.0.0.1", server.port))
            ]

            async def two(*_: object, **__: object) -> object:
                return found

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
            async with provider("smtp://mail.example:25?helo=me.example") as sender:
                await sender.prepare(PLAIN)()
    assert len(server.mails) == 1


async def test_a_server_without_extensions() -> None:
    async with ScriptedSmtp().running() as server:
        server.on("EHLO", "502 5.5.2 never heard of it")
        async with provider(f"smtp://127.0.0.1:{server.port}?starttls=off&helo=me.example") as sender:
            await sender.prepare(PLAIN)()
    assert server.commands[:2] == ["EHLO me.example", "HELO me.example"]


async def test_implicit_tls(server_tls: ssl.SSLContext, ca: str) -> None:
    async with (
        ScriptedSmtp(tls=server_tls).running(implicit_tls=True) as server,
        provider(f"smtps://localhost:{server.port}?ca={ca}", production=True) as sender,
    ):
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 2
    assert [seen.encrypted for seen in server.conversations] == [True]


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls"])
async def test_starttls_when_offered(scheme: str, server_tls: ssl.SSLContext, ca: str) -> None:
    async with (
        ScriptedSmtp(extensions=["STARTTLS", "PIPELINING"], tls=server_tls).running() as server,
        provider(f"{scheme}://localhost:{server.port}?ca={ca}") as sender,
    ):
        await sender.prepare(PLAIN)()
        await sender.prepare(PLAIN)()
    verbs = [command.split(" ")[0] for command in server.commands[:4]]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL"]
    assert [seen.encrypted for seen in server.conversations] == [True]
    assert len(server.mails) == 2


async def test_opportunistic_without_an_offer_sends_in_clear() -> None:
    async with ScriptedSmtp().running() as server, provider(f"smtp://localhost:{server.port}") as sender:
        await sender.prepare(PLAIN)()
    assert [seen.encrypted for seen in server.conversations] == [False]


@pytest.mark.parametrize("dsn", ["smtp+starttls://localhost:{}", "smtp://localhost:{}?starttls=required"])
async def test_required_without_an_offer_sends_nothing(dsn: str) -> None:
    async with ScriptedSmtp().running() as server:
        failure = await failure_of(dsn.format(server.port))
    assert (type(failure), failure.code) == (Refused, "tls_unavailable")
    assert not server.mails


@pytest.mark.parametrize("scheme", ["smtps", "smtp", "smtp+starttls"])
@pytest.mark.parametrize("query", ["", "?ca={ca}"])
async def test_a_certificate_that_does_not_verify(
    scheme: str, query: str, server_tls: ssl.SSLContext, ca: str
) -> None:
    """Signed by an authority that nobody trusts, or for another name than the one we connected to."""
    host = "127.0.0.1" if query else "localhost"
    smtp = ScriptedSmtp(extensions=["STARTTLS"], tls=server_tls)
    async with smtp.running(implicit_tls=scheme == "smtps") as server:
        failure = await failure_of(f"{scheme}://{host}:{server.port}{query.format(ca=ca)}")
    assert (type(failure), failure.code) == (Refused, "tls_failed")
    assert not server.mails


async def test_verification_can_be_turned_off(server_tls: ssl.SSLContext) -> None:
    async with (
        ScriptedSmtp(tls=server_tls).running(implicit_tls=True) as server,
        provider(f"smtps://127.0.0.1:{server.port}?verify=false") as sender,
    ):
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 1


async def test_a_server_that_speaks_no_tls_on_a_tls_port() -> None:
    async with ScriptedSmtp().running() as server:
        failure = await failure_of(f"smtps://localhost:{server.port}?timeout=5")
    assert (type(failure), failure.code) == (Refused, "tls_failed")


async def test_authentication() -> None:
    async with (
        ScriptedSmtp(extensions=[AUTH]).running() as server,
        provider(f"smtp://jane%40x:s%3Aecret@127.0.0.1:{server.port}") as sender,
    ):
        await sender.prepare(PLAIN)()
    token = base64.b64encode(b"\0jane@x\0s:ecret").decode()
    assert f"AUTH PLAIN {token}" in server.commands
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("answer", "cause", "code"),
    [
        ("535 5.7.8 bad secret", Cause.ACCESS, "auth_failed"),
        ("534 5.7.9 too weak", Cause.ACCESS, "auth_failed"),
        ("530 5.7.0 first STARTTLS", Cause.ACCESS, "auth_failed"),
        ("454 4.7.0 later", Cause.CONNECTIONS, "smtp_454"),
        ("421 4.7.0 too many AUTH commands", Cause.CONNECTIONS, "smtp_421"),
    ],
)
async def test_refused_credentials_are_tried_once_and_burn_no_mail(
    answer: str, cause: Cause, code: str
) -> None:
    async with ScriptedSmtp(extensions=["AUTH PLAIN"]).running() as server:
        server.on("AUTH", answer)
        failure = await failure_of(f"smtp://jane:secret@127.0.0.1:{server.port}")
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code, failure.named) == (cause, code, False)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ("334 ", "the server's answer made no sense when we logged in (AUTH)"),
        ("nonsense", "the server's answer made no sense when we logged in (AUTH)"),
        (Cut(), "the server hung up when we logged in (AUTH)"),
    ],
)
async def test_what_breaks_at_auth_is_the_operators_matter(answer: str | Cut, detail: str) -> None:
    async with ScriptedSmtp(extensions=["AUTH PLAIN"]).running() as server:
        server.on("AUTH", answer)
        failure = await failure_of(f"smtp://jane:secret@127.0.0.1:{server.port}")
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code, failure.detail) == (Cause.ACCESS, "auth_failed", detail)


async def test_a_server_that_hangs_up_at_ehlo_is_there_and_takes_nothing() -> None:
    async with ScriptedSmtp().running() as server:
        server.on("EHLO", Cut())
        failure = await failure_of(f"smtp://127.0.0.1:{server.port}")
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code) == (Cause.CONNECTIONS, "connect_failed")
    assert failure.detail == "the server hung up when we said our name (EHLO)"


async def test_nonsense_at_ehlo_is_no_matter_of_a_mail() -> None:
    async with ScriptedSmtp().running() as server:
        server.on("EHLO", "nonsense")
        failure = await failure_of(f"smtp://127.0.0.1:{server.port}")
    assert isinstance(failure, Refused)
    assert failure.code == "protocol_error"


async def test_a_wrong_password_is_not_tried_by_every_mechanism() -> None:
    async with ScriptedSmtp(extensions=["AUTH PLAIN LOGIN CRAM-MD5"]).running() as server:
        server.on("AUTH", "535 5.7.8 no", "535 5.7.8 no", "535 5.7.8 no")
        await failure_of(f"smtp://jane:secret@127.0.0.1:{server.port}")
    assert sum(command.startswith("AUTH") for command in server.commands) == 1


async def test_a_mechanism_that_is_offered_and_not_there_is_passed_over() -> None:
    async with (
        ScriptedSmtp(extensions=["AUTH CRAM-MD5 PLAIN"]).running() as server,
        provider(f"smtp://jane:secret@127.0.0.1:{server.port}") as sender,
    ):
        server.on("AUTH", "504 5.5.4 mechanism not supported")
        await sender.prepare(PLAIN)()
    assert len(server.mails) == 1


async def test_credentials_for_a_server_that_wants_none_are_a_mistake() -> None:
    async with ScriptedSmtp().running() as server:
        failure = await failure_of(f"smtp://jane:secret@127.0.0.1:{server.port}")
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code) == (Cause.ACCESS, "auth_failed")


@pytest.mark.parametrize(
    "answer", ["504 5.5.2 need fully-qualified hostname", "501 5.5.4 no", "550 5.7.1 Access denied"]
)
async def test_a_name_that_the_server_refuses_is_the_operators_mistake(answer: str) -> None:
    async with ScriptedSmtp().running() as server:
        server.on("EHLO", answer)
        server.on("HELO", answer)
        failure = await failure_of(f"smtp://127.0.0.1:{server.port}?helo=localhost")
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code, failure.named) == (Cause.ACCESS, "helo_refused", False)


@pytest.mark.parametrize(
    "name", ["localhost", "localhost.localdomain", "a1b2c3d4e5f6", "my_host.example.org"]
)
async def test_without_a_name_that_others_know_we_say_our_address(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: name)
    async with ScriptedSmtp().running() as server, provider(f"smtp://127.0.0.1:{server.port}") as sender:
        await sender.prepare(PLAIN)()
    assert server.commands[0] == "EHLO [127.0.0.1]"


@pytest.mark.parametrize("query", ["", "?helo=given.example.org"])
async def test_a_name_that_others_know_is_said(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "given.example.org" if not query else "localhost")
    async with (
        ScriptedSmtp().running() as server,
        provider(f"smtp://127.0.0.1:{server.port}{query}") as sender,
    ):
        await sender.prepare(PLAIN)()
    assert server.commands[0] == "EHLO given.example.org"


@pytest.mark.parametrize(
    ("sockname", "literal"),
    [
        (("192.0.2.1", 4711), "[192.0.2.1]"),
        (("2001:db8::1", 4711, 0, 0), "[IPv6:2001:db8::1]"),
        (("fe80::1%eth0", 4711, 0, 2), "[IPv6:fe80::1]"),
        (("::ffff:192.0.2.1", 4711, 0, 0), "[192.0.2.1]"),
    ],
)
def test_address_literals(sockname: tuple[str, int], literal: str) -> None:
    """RFC 5321 §4.1.3."""
    assert address_literal(sockname) == literal
