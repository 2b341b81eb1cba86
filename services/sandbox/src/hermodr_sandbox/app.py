from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp

from hermodr_sandbox.asking import Api
from hermodr_sandbox.domain.faults import Report, Stage
from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.inboxes import Inboxes
from hermodr_sandbox.metrics import SandboxCollector
from hermodr_sandbox.protocols.callbacks import Callbacks, Secrets
from hermodr_sandbox.protocols.smtp.certificates import CertificateFiles, generate
from hermodr_sandbox.protocols.smtp.server import SmtpServer
from hermodr_sandbox.protocols.smtp.session import SmtpOptions
from hermodr_sandbox.protocols.text_callbacks import TextCallbacks
from hermodr_sandbox.protocols.vonage_callbacks import VonageCallbacks
from hermodr_sandbox.protocols.whatsapp_callbacks import WhatsAppCallbacks
from hermodr_sandbox.routes.application import application
from hermodr_sandbox.service import Sandbox
from hermodr_sandbox.settings import LOOPBACK_HOSTS, SandboxSettings
from hermodr_sandbox.timelines import Timelines
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.service import Service, main_of
from hermodr_servicekit.settings import refuse
from hermodr_servicekit.web import ops_routes


class SandboxService(Service[SandboxSettings]):
    """An SMTP server that keeps what it is given, with an HTTP interface to look at it."""

    def __init__(self, settings: SandboxSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._sandbox = Sandbox.build(
            self.clock,
            max_mails=settings.sandbox_max_mails,
            max_bytes=settings.sandbox_max_bytes,
            address_tags=settings.sandbox_address_tags,
        )
        self.registry.register(SandboxCollector(self._sandbox))
        self._stack = ExitStack()
        self._certificates = _certificates(settings, self.clock, self._stack)
        self._callbacks = _callbacks(settings, self.clock)
        self._server = _smtp_server(settings, self._sandbox, self._certificates, self._callbacks)
        self._sandbox.gate = self._server
        host = urlsplit(settings.sandbox_events_url or "").hostname
        hosts = [host] if host else []
        self._text_callbacks = TextCallbacks(hosts)
        secret = settings.sandbox_events_vonage
        self._vonage_callbacks = VonageCallbacks(
            hosts, secret=secret.get_secret_value() if secret else None, clock=self.clock
        )
        events = settings.sandbox_events_url or f"{settings.local_url}/v1/providers"
        app_secret = settings.sandbox_events_whatsapp.get_secret_value()
        self._whatsapp = WhatsAppCallbacks(f"{events.rstrip('/')}/whatsapp/events", app_secret, self.clock)

        key = settings.sandbox_api_key
        url = settings.sandbox_api_url or settings.local_url
        self._api = Api(url, key.get_secret_value()) if key else None

    async def prepare(self) -> None:
        """SMTP first: what is said over HTTP names its port."""
        try:
            await self._server.start()
        except OSError as error:
            refuse(
                f"HERMODR_SANDBOX_SMTP_PORT or HERMODR_SANDBOX_SMTPS_PORT: cannot listen: "
                f"{self.settings.sandbox_smtp_host}: {error.strerror}"
            )

    def http(self) -> ASGIApp:
        """The page, the interface and the health."""
        return application(
            self._sandbox,
            _info(self.settings, self._server, self._certificates),
            more=ops_routes(self.ready, self.registry),
            hosts=frozenset(LOOPBACK_HOSTS) if self.settings.http_host in LOOPBACK_HOSTS else None,
            callbacks=self._callbacks,
            text_callbacks=self._text_callbacks,
            vonage_callbacks=self._vonage_callbacks,
            webhook_secrets=self.settings.webhook_secrets,
            whatsapp=self._whatsapp,
            timelines=Timelines(self._api) if self._api else None,
            inboxes=Inboxes(self._api, self._sandbox.in_app, self.clock) if self._api else None,
        )

    async def ready(self) -> Mapping[str, bool]:
        """A refusing fault rule closes the port on purpose: that is the sandbox at work, not unready."""
        return {"smtp": self._server.listening or bool(self._sandbox.faults.refusals())}

    def always(self) -> Sequence[Awaitable[None]]:
        """Reads mails ahead of searches."""
        return (self._sandbox.prepare_searches(),)

    async def begin(self, stop: asyncio.Event) -> bool:
        """Says where it listens."""
        _say_where(self.settings, self._server, self.port)
        return await super().begin(stop)

    async def take_no_more(self) -> None:
        """Ends waiting requests and event streams, and SMTP."""
        self._sandbox.close()
        await self._server.stop()

    async def close(self) -> None:
        """Removes what was generated."""
        if self._callbacks is not None:
            await self._callbacks.close()
        await self._text_callbacks.close()
        await self._vonage_callbacks.close()
        await self._whatsapp.close()
        if self._api is not None:
            await self._api.close()
        self._stack.close()


main = main_of(SandboxService, SandboxSettings)


def _callbacks(settings: SandboxSettings, clock: Clock) -> Callbacks | None:
    given = (settings.sandbox_events_resend, settings.sandbox_events_sendgrid, settings.sandbox_events_smtp)
    resend, sendgrid, smtp = (each.get_secret_value() if each is not None else None for each in given)
    if not (resend or sendgrid or smtp):
        return None
    try:
        secrets = Secrets.of(resend, sendgrid, smtp)
    except ValueError:
        refuse(
            "HERMODR_SANDBOX_EVENTS_RESEND or HERMODR_SANDBOX_EVENTS_SENDGRID: cannot be read as a secret or key"
        )
    url = settings.sandbox_events_url or f"{settings.local_url}/v1/providers"
    return Callbacks(url, secrets, clock)


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
    settings: SandboxSettings,
    sandbox: Sandbox,
    certificates: CertificateFiles | None,
    callbacks: Callbacks | None,
) -> SmtpServer:
    def taken(mail: Mail) -> None:
        assert callbacks is not None
        verdict = sandbox.judge(Stage.REPORT, mail.sender, mail.recipients)
        action = verdict.action if verdict is not None else None
        callbacks.report_mail(mail, action if isinstance(action, Report) else None)

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
        taken=taken if settings.sandbox_events_smtp is not None else None,
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
        "console": f"{settings.local_url}/console",
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
