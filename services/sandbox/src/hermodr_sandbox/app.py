from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import structlog

from hermodr_sandbox import metrics
from hermodr_sandbox.protocols.smtp.certificates import CertificateFiles, generate
from hermodr_sandbox.protocols.smtp.server import SmtpServer
from hermodr_sandbox.protocols.smtp.session import SmtpOptions
from hermodr_sandbox.routes.application import application
from hermodr_sandbox.service import Sandbox
from hermodr_sandbox.settings import LOOPBACK_HOSTS, SandboxSettings
from hermodr_servicekit import logging
from hermodr_servicekit.clock import Clock, SystemClock
from hermodr_servicekit.loop_watch import LoopWatch
from hermodr_servicekit.periodic import running
from hermodr_servicekit.settings import load, refuse
from hermodr_servicekit.web import ops_routes, serve


async def main(stop: asyncio.Event) -> None:
    settings = load(SandboxSettings)
    logging.configure(settings)
    with ExitStack() as stack:
        await run(settings, SystemClock(), stop, stack)


async def run(settings: SandboxSettings, clock: Clock, stop: asyncio.Event, stack: ExitStack) -> None:
    """`stack` keeps what is removed at the end (generated certificates)."""
    sandbox = Sandbox.build(
        clock,
        max_mails=settings.sandbox_max_mails,
        max_bytes=settings.sandbox_max_bytes,
        address_tags=settings.sandbox_address_tags,
    )
    certificates = _certificates(settings, clock, stack)
    server = _smtp_server(settings, sandbox, certificates)
    sandbox.gate = server
    try:
        await server.start()
    except OSError as error:
        refuse(
            f"HERMODR_SANDBOX_SMTP_PORT or HERMODR_SANDBOX_SMTPS_PORT: cannot listen: "
            f"{settings.sandbox_smtp_host}: {error.strerror}"
        )

    async def ready() -> Mapping[str, bool]:
        # A refusing fault rule closes the port on purpose: that is the sandbox at work, not unready.
        return {"smtp": server.listening or bool(sandbox.faults.refusals())}

    registry = metrics.registry(sandbox)
    web = application(
        sandbox,
        _info(settings, server, certificates),
        more=ops_routes(ready, registry),
        hosts=frozenset(LOOPBACK_HOSTS) if settings.http_host in LOOPBACK_HOSTS else None,
    )
    async with running(sandbox.prepare_searches(), LoopWatch(registry).run()):
        await asyncio.sleep(0)  # lets them begin, so that they can end properly should the port be taken
        async with serve(web, settings.http_host, settings.port, grace=settings.grace_seconds) as port:
            _say_where(settings, server, port)
            await stop.wait()
            sandbox.close()
            await server.stop()


def _certificates(settings: SandboxSettings, clock: Clock, stack: ExitStack) -> CertificateFiles | None:
    if settings.sandbox_tls == "off":
        return None
    if settings.sandbox_tls == "files":
        assert settings.sandbox_tls_cert is not None
        assert settings.sandbox_tls_key is not None
        return CertificateFiles(settings.sandbox_tls_cert, settings.sandbox_tls_key)
    folder = settings.sandbox_tls_dir
    if folder is None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hermodr-sandbox-")))
    return generate(folder, now=clock.now())


def _smtp_server(
    settings: SandboxSettings, sandbox: Sandbox, certificates: CertificateFiles | None
) -> SmtpServer:
    try:
        context = None if certificates is None else certificates.server_context()
    except (OSError, ssl.SSLError) as error:
        refuse(f"HERMODR_SANDBOX_TLS_CERT/HERMODR_SANDBOX_TLS_KEY: {error}")
    return SmtpServer(
        sandbox,
        SmtpOptions(
            max_size=settings.sandbox_max_message_bytes,
            max_text_line=settings.sandbox_max_text_line,
            credentials=settings.credentials,
            tls=context,
        ),
        host=settings.sandbox_smtp_host,
        port=settings.sandbox_smtp_port,
        tls_port=None if context is None else settings.sandbox_smtps_port,
        max_connections=settings.sandbox_max_connections,
        idle_seconds=settings.sandbox_idle_seconds,
    )


def _info(
    settings: SandboxSettings, server: SmtpServer, certificates: CertificateFiles | None
) -> dict[str, object]:
    ca = None if certificates is None or certificates.ca is None else str(certificates.ca.resolve())
    return {
        "smtp": {"host": settings.sandbox_smtp_host, "port": server.port, "starttls": server.starttls},
        "smtps": None
        if server.tls_port is None
        else {"host": settings.sandbox_smtp_host, "port": server.tls_port},
        "ca_file": ca,
        "auth_required": settings.credentials is not None,
        "address_tags": settings.sandbox_address_tags,
        "max_mails": settings.sandbox_max_mails,
        "max_bytes": settings.sandbox_max_bytes,
        "max_message_bytes": settings.sandbox_max_message_bytes,
    }


def _say_where(settings: SandboxSettings, server: SmtpServer, port: int) -> None:
    log = structlog.get_logger()
    hosts = (settings.http_host, settings.sandbox_smtp_host)
    log.info(
        "listening",
        http=f"{settings.http_host}:{port}",
        smtp=f"{settings.sandbox_smtp_host}:{server.port}",
        smtps_port=server.tls_port,
        reach="loopback only" if all(host in LOOPBACK_HOSTS for host in hosts) else "network",
    )
    if any(host not in LOOPBACK_HOSTS for host in hosts):
        log.warning("the sandbox has no passwords: everyone who reaches it reads all its mails")
