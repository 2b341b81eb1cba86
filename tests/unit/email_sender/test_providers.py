from __future__ import annotations

from pathlib import Path

import pytest

from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.provider import ProviderOptions
from hermodr_email_sender.providers.dsns import EmailProvider, build_providers
from hermodr_email_sender.providers.smtp.provider import SmtpProvider
from hermodr_email_sender.providers.smtp.session import Timeouts
from tests.support.mails import SENDER


def built(dsns: str, *, production: bool = False) -> list[EmailProvider]:
    return build_providers(dsns, sender=SENDER, production=production)


def test_the_order_and_names_of_providers() -> None:
    providers = built("smtp://127.0.0.1:1025  smtps://user:pass@mail.example smtp+starttls://[::1]:2525/")
    assert [provider.name for provider in providers] == ["smtp", "smtp-2", "smtp-3"]
    assert [provider.options for provider in providers] == [ProviderOptions()] * 3


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("rate=50/s", ProviderOptions(rate=50.0)),
        ("rate=3000/m&concurrency=3", ProviderOptions(rate=50.0, concurrency=3)),
        ("rate=3600/h", ProviderOptions(rate=1.0)),
        ("rate=50/s,burst=20", ProviderOptions(rate=50.0, burst=20)),
        ("rate=off", ProviderOptions()),
        ("from=jane+x@hermodr.example", ProviderOptions(sender="jane+x@hermodr.example")),
        (
            "from=Jane%20%3Cjane@hermodr.example%3E",
            ProviderOptions(sender="Jane <jane@hermodr.example>"),
        ),
    ],
)
def test_options(query: str, options: ProviderOptions) -> None:
    (provider,) = built(f"smtp://127.0.0.1:1025?{query}")
    assert provider.options == options


def test_how_long_a_server_is_waited_for_is_as_rfc_5321_wants_it_unless_the_dsn_says_otherwise() -> None:
    options = (
        "timeout=3&greeting_timeout=29&command_timeout=30&data_timeout=31&block_timeout=32&final_timeout=33"
    )
    usual, given = built(f"smtp://127.0.0.1 smtp://127.0.0.1?{options}")
    assert isinstance(usual, SmtpProvider)
    assert isinstance(given, SmtpProvider)
    waits = Timeouts(session=25, connect=10, greeting=60, command=300, data=120, block=180, content=600)
    assert usual.timeouts == waits
    assert given.timeouts == Timeouts(
        session=25, connect=3, greeting=29, command=30, data=31, block=32, content=33
    )


@pytest.mark.parametrize(
    ("dsn", "complaint"),
    [
        ("", "is empty"),
        ("mail.example", "not of the form"),
        ("user:s3cret@mail.example", "not of the form"),
        ("imap://user:s3cret@mail.example", "unknown scheme"),
        ("smtp://", "names no host"),
        ("smtp://user:s3cret@", "names no host"),
        ("smtp://user:s3cret@mail.example:0", "port 0"),
        ("smtp://user:s3cret@mail.example:99999", "malformed host or port"),
        ("smtp://user:s3/cret@mail.example", "malformed host or port"),
        ("smtp://user:1/s3cret@mail.example", "percent-encode"),
        ("smtp://user:1#s3cret@mail.example", "percent-encode"),
        ("smtp://user:1?s3cret@mail.example", "percent-encode"),
        ("smtp://user:1?a&s3cret=1@mail.example:25?rate=1/s", "percent-encode"),
        ("smtp://user:1?s3cret=x&s3cret=y@mail.example", "percent-encode"),
        ("smtp://user:s3[cret@mail.example", "malformed host or port"),
        ("smtp://user:s3cret@mail.example?colour=red", "unknown option 'colour'"),
        ("smtp://user:s3cret@mail.example?rate=fast", "rate"),
        ("smtp://user:s3cret@mail.example?rate=0/s", "rate"),
        ("smtp://user:s3cret@mail.example?rate=5/d", "rate"),
        ("smtp://user:s3cret@mail.example?rate=1/s&rate=2/s", "twice"),
        ("smtp://user:s3cret@mail.example?concurrency=0", "concurrency"),
        ("smtp://user:s3cret@mail.example?concurrency=5000", "concurrency"),
        (f"smtp://user:s3cret@mail.example?concurrency={'1' * 5000}", "concurrency"),
        (f"smtp://user:s3cret@mail.example?rate={'1' * 5000}/s", "rate"),
        ("smtp://user:s3cret@mail.example?from=nobody", "from"),
        (
            "smtp://user:s3cret@mail.example?from=Team%20@%20Acme%20%3Ct@acme.example%3E",
            "from that is not an address",
        ),
        ("smtp://user:s3cret@mail.example?starttls=maybe", "starttls"),
        ("smtps://user:s3cret@mail.example?starttls=required", "encrypted from the start"),
        ("smtp+starttls://user:s3cret@mail.example?starttls=off", "starttls"),
        ("smtps://user:s3cret@mail.example?verify=no", "verify"),
        ("smtps://user:s3cret@mail.example?ca=/does/not/exist", "ca file"),
        ("smtps://user:s3cret@mail.example?timeout=-1", "timeout"),
        ("smtps://user:s3cret@mail.example?timeout=nan", "timeout"),
        ("smtps://user:s3cret@mail.example?greeting_timeout=601", "up to 600"),
        ("smtps://user:s3cret@mail.example?command_timeout=0", "command_timeout"),
        ("smtps://user:s3cret@mail.example?final_timeout=10m", "final_timeout"),
        ("smtps://user:s3cret@mail.example?final_timeout=1201", "up to 1200"),
        ("smtps://user:s3cret@mail.example?helo=a%0d%0ab", "helo"),
        ("smtp://127.0.0.1:1025 smtp://user:s3cret@mail.example?verify=x", "entry 2"),
    ],
)
def test_a_bad_entry_is_named_without_its_secrets(dsn: str, complaint: str) -> None:
    with pytest.raises(ProviderConfigError) as caught:
        built(dsn)
    text = str(caught.value)
    assert text.startswith("HERMODR_EMAIL_PROVIDERS")
    assert complaint in text
    assert "s3" not in text
    assert "cret" not in text


def test_a_ca_file_without_certificates(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing here")
    with pytest.raises(ProviderConfigError, match="ca file"):
        built(f"smtps://mail.example?ca={path}")


def test_production_refuses_unverified_certificates() -> None:
    built("smtps://mail.example?verify=false")
    with pytest.raises(ProviderConfigError, match="verify=false"):
        built("smtps://mail.example?verify=false", production=True)


async def test_a_password_never_leaves_the_machine_in_clear_by_accident() -> None:
    (provider,) = built("smtp://user:s3cret@mail.example")
    assert "s3cret" not in repr(vars(provider))
