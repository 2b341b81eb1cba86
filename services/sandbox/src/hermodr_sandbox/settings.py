from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from hermodr_servicekit.settings import ServiceSettings

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


class SandboxSettings(ServiceSettings):
    """Needs neither database nor broker. Listens on the loopback interface by default."""

    service: ClassVar[str] = "sandbox"
    port_offset: ClassVar[int] = 25
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = ()

    sandbox_smtp_host: str = "127.0.0.1"
    sandbox_smtp_port: int = Field(default=1025, ge=0, le=65535)
    sandbox_smtps_port: int = Field(default=1465, ge=0, le=65535)
    sandbox_max_mails: int = Field(default=10_000, ge=1)
    sandbox_max_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    sandbox_max_message_bytes: int = Field(default=25 * 1024 * 1024, ge=1024)
    sandbox_max_text_line: int = Field(default=998, ge=0)
    """Longest text line in octets without its CRLF (RFC 5321); 0: any."""
    sandbox_max_connections: int = Field(default=1000, ge=1)
    sandbox_idle_seconds: float = Field(default=300.0, gt=0)
    sandbox_address_tags: bool = True
    """Whether `name+451x2@…` and the like mean faults."""
    sandbox_tls: Literal["off", "generated", "files"] = "off"
    """`generated`: a throw-away authority and certificate at every start; `files`: the two below."""
    sandbox_tls_cert: Path | None = None
    sandbox_tls_key: Path | None = None
    sandbox_tls_dir: Path | None = None
    """Of generated certificates; a temporary folder by default."""
    sandbox_smtp_user: str | None = None
    sandbox_smtp_password: SecretStr | None = None
    """With a user, MAIL needs AUTH with exactly these; without, AUTH is optional and accepts anything."""

    sandbox_events_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Where reports go, before `/<provider>/events`; by default this machine's api."""
    sandbox_events_resend: SecretStr | None = None
    """`whsec_…`: with it pretended Resend reports what became of mails."""
    sandbox_events_sendgrid: SecretStr | None = None
    """A private key (P-256, PKCS 8 DER in base64): with it pretended SendGrid reports."""

    sandbox_events_whatsapp: SecretStr = SecretStr("pretended-app-secret")
    """The app secret with which pretended Meta signs what it reports of WhatsApp."""
    sandbox_api_key: SecretStr | None = None
    """A key with the scope `read`: with it the page shows the timelines of jobs beside what came of them,
    and what is in in-app inboxes."""
    sandbox_api_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Where they are read; by default this machine's api."""

    sandbox_events_smtp: SecretStr | None = None
    """With it bounces and complaints about mails by SMTP are handed in, as bearer token."""

    sandbox_events_vonage: SecretStr | None = None
    """The signature secret (`events=` of a `vonage://`): with it pretended Vonage reports what became of texts."""

    @model_validator(mode="after")
    def _complete(self) -> SandboxSettings:
        if self.sandbox_tls == "files" and (self.sandbox_tls_cert is None or self.sandbox_tls_key is None):
            raise ValueError("HERMODR_SANDBOX_TLS=files needs HERMODR_SANDBOX_TLS_CERT and _TLS_KEY")
        if (self.sandbox_smtp_user is None) != (self.sandbox_smtp_password is None):
            raise ValueError("HERMODR_SANDBOX_SMTP_USER and HERMODR_SANDBOX_SMTP_PASSWORD belong together")
        return self

    @property
    def credentials(self) -> tuple[str, str] | None:
        """None when anyone may send."""
        if self.sandbox_smtp_user is None or self.sandbox_smtp_password is None:
            return None
        return self.sandbox_smtp_user, self.sandbox_smtp_password.get_secret_value()
