from __future__ import annotations

import pytest
from pydantic import ValidationError

from hermodr_sandbox.settings import SandboxSettings


def test_defaults_stay_on_the_loopback_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HERMODR_HTTP_PORT", "HERMODR_PORT_BASE", "HERMODR_SANDBOX_SMTP_PORT", "HERMODR_HTTP_HOST"):
        monkeypatch.delenv(name, raising=False)
    settings = SandboxSettings()
    assert (settings.http_host, settings.port) == ("127.0.0.1", 8025)
    assert (settings.sandbox_smtp_host, settings.sandbox_smtp_port) == ("127.0.0.1", 1025)
    assert (settings.sandbox_max_mails, settings.sandbox_max_bytes) == (10_000, 256 * 1024 * 1024)
    assert settings.credentials is None


def test_production_needs_neither_database_nor_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HERMODR_DATABASE_URL", "HERMODR_AMQP_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HERMODR_ENV", "production")
    assert SandboxSettings().env == "production"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HERMODR_SANDBOX_TLS": "files"}, "HERMODR_SANDBOX_TLS_CERT"),
        ({"HERMODR_SANDBOX_SMTP_USER": "ann"}, "HERMODR_SANDBOX_SMTP_PASSWORD"),
        ({"HERMODR_SANDBOX_SMTP_PORT": "70000"}, "sandbox_smtp_port"),
        ({"HERMODR_SANDBOX_MAX_MAILS": "0"}, "sandbox_max_mails"),
        ({"HERMODR_SANDBOX_TLS": "perhaps"}, "sandbox_tls"),
    ],
)
def test_wrong_settings_are_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=named):
        SandboxSettings()
