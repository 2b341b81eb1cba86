"""Configuration from the environment, and how a wrong one ends the process."""

from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field

from hermodr_contracts.channels import usual
from hermodr_contracts.vocabulary import Channel
from hermodr_servicekit.settings import Flaws, ServiceSettings, load, refuse


class PostmanSettings(ServiceSettings):
    service: ClassVar[str] = "postman"
    port_offset: ClassVar[int] = 9
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *ServiceSettings.required_in_production,
        "postman_key",
    )

    postman_key: Annotated[str, Field(min_length=8)] = "development"


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PostmanSettings.model_fields:
        monkeypatch.delenv(f"HERMODR_{name.upper()}", raising=False)


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        load(PostmanSettings)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert printed.err.count("\n") == 1
    return printed.err


def test_development_needs_nothing() -> None:
    settings = load(PostmanSettings)
    assert settings.database_url == "postgresql://postgres@127.0.0.1:5432/hermodr"
    assert settings.amqp_url == "amqp://guest:guest@127.0.0.1:5672/"
    assert settings.port == 8009
    assert [step.label for step in settings.ladder] == ["10s", "60s", "5m", "20m", "1h", "4h", "12h"]
    assert settings.topology.jobs.name == "hermodr.jobs"


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMODR_AMQP_PREFIX", "other")
    monkeypatch.setenv("HERMODR_RETRY_LADDER", "300ms, 1s")
    monkeypatch.setenv("HERMODR_PORT_BASE", "9000")
    monkeypatch.setenv("HERMODR_LOG_LEVEL", "")  # empty is as good as absent
    settings = load(PostmanSettings)
    assert settings.topology.jobs.name == "other.jobs"
    assert [step.label for step in settings.ladder] == ["300ms", "1s"]
    assert settings.port == 9009
    monkeypatch.setenv("HERMODR_HTTP_PORT", "0")
    assert load(PostmanSettings).port == 0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HERMODR_DATABASE_URL", "mysql://root:SECRET@db/hermodr"),
        ("HERMODR_DATABASE_URL", "postgresql://root:SECRET#1@db:5432/hermodr"),
        ("HERMODR_DATABASE_URL", "postgresql://[SECRET/hermodr"),
        ("HERMODR_AMQP_URL", "amqp://user@broker:SECRET/"),
        ("HERMODR_AMQP_URL", "http://user:SECRET@broker"),
        ("HERMODR_AMQP_PREFIX", "SECRET/prefix"),
        ("HERMODR_AMQP_PREFIX", "SECRET" * 11),
        ("HERMODR_HTTP_PORT", "SECRET"),
        ("HERMODR_HTTP_PORT", "65536"),
        ("HERMODR_PORT_BASE", "0"),
        ("HERMODR_LOG_LEVEL", "SECRET"),
        ("HERMODR_LOG_FORMAT", "SECRET"),
        ("HERMODR_ENV", "SECRET"),
        ("HERMODR_GRACE_SECONDS", "-1"),
        ("HERMODR_GRACE_SECONDS", "nan"),
        ("HERMODR_HEARTBEAT_SECONDS", "SECRET"),
        ("HERMODR_MESSAGE_ID_DOMAIN", "a b>\r\nBcc: SECRET"),
        ("HERMODR_RETRY_LADDER", "10s,soon"),
        ("HERMODR_RETRY_LADDER", "99999999h"),
        ("HERMODR_RETRY_LADDER", "10s,10s"),
        ("HERMODR_CHANNELS", " "),
        ("HERMODR_POSTMAN_KEY", "SECRET"),
    ],
)
def test_a_wrong_value_ends_the_process_with_2_naming_the_variable_and_not_the_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    text = refused(capsys)
    assert f"{variable}: " in text
    assert "SECRET" not in text


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("email pigeon", "'pigeon' is no channel; there are email, sms, whatsapp, in_app, webhook"),
        ("email,sms", "'email,sms' is no channel"),
    ],
)
def test_a_channel_that_cannot_be_served_is_named(
    value: str, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_CHANNELS", value)
    assert f"HERMODR_CHANNELS: {complaint}" in refused(capsys)


def test_mails_are_served_and_texts_with_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(PostmanSettings).topology.channels == usual()
    monkeypatch.setenv("HERMODR_SMS_PROVIDERS", "twilio://AC0:TOKEN@default")
    monkeypatch.setenv("HERMODR_SMS_RETRY_LADDER", "2s,3s")
    topology = load(PostmanSettings).topology
    assert list(topology.channels) == [Channel.EMAIL, Channel.SMS, Channel.IN_APP]
    assert [step.label for step in topology.ladder(Channel.SMS)] == ["2s", "3s"]
    monkeypatch.setenv("HERMODR_CHANNELS", "email")
    assert list(load(PostmanSettings).topology.channels) == [Channel.EMAIL]
    monkeypatch.setenv("HERMODR_CHANNELS", "sms")
    assert list(load(PostmanSettings).topology.channels) == [Channel.SMS]


def test_webhooks_are_served_in_development_with_a_key_and_in_production_when_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HERMODR_SECRET_KEY", "k" * 32)
    monkeypatch.setenv("HERMODR_WEBHOOK_RETRY_LADDER", "2s,3s")
    topology = load(PostmanSettings).topology
    assert list(topology.channels) == [Channel.EMAIL, Channel.IN_APP, Channel.WEBHOOK]
    assert [step.label for step in topology.ladder(Channel.WEBHOOK)] == ["2s", "3s"]
    production = PostmanSettings.model_construct(**dict(load(PostmanSettings)) | {"env": "production"})
    assert list(production.topology.channels) == [Channel.EMAIL, Channel.IN_APP]
    monkeypatch.setenv("HERMODR_CHANNELS", "webhook")
    assert list(load(PostmanSettings).topology.channels) == [Channel.WEBHOOK]


def test_the_channels_are_those_named_and_email_has_its_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMODR_CHANNELS", " email  email ")
    monkeypatch.setenv("HERMODR_RETRY_LADDER", "1s")
    topology = load(PostmanSettings).topology
    assert list(topology.channels) == [Channel.EMAIL]
    assert [step.label for step in topology.ladder(Channel.EMAIL)] == ["1s"]
    assert [step.label for step in topology.ladder(Channel.SMS)] == ["10s", "60s", "5m"]


def test_all_wrong_values_are_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_PORT_BASE", "x")
    monkeypatch.setenv("HERMODR_LOG_LEVEL", "x")
    text = refused(capsys)
    assert "HERMODR_PORT_BASE: " in text
    assert "HERMODR_LOG_LEVEL: " in text


PRODUCTION = {
    "HERMODR_DATABASE_URL": "postgresql://db/hermodr",
    "HERMODR_AMQP_URL": "amqps://broker/",
    "HERMODR_POSTMAN_KEY": "a-long-secret",
}


@pytest.mark.parametrize("missing", [(), *((name,) for name in PRODUCTION), tuple(PRODUCTION)])
def test_production_starts_only_with_everything_given(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_ENV", "production")
    for name in PRODUCTION.keys() - set(missing):
        monkeypatch.setenv(name, PRODUCTION[name])
    if not missing:
        assert load(PostmanSettings).env == "production"
        return
    text = refused(capsys)
    assert [name for name in PRODUCTION if name in text] == list(missing)


def test_a_variable_left_empty_does_not_count_as_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_ENV", "production")
    for name, value in (PRODUCTION | {"HERMODR_AMQP_URL": ""}).items():
        monkeypatch.setenv(name, value)
    assert "HERMODR_AMQP_URL" in refused(capsys)


def test_refusing_says_why_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        refuse("HERMODR_X: is not Y")
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith("configuration: HERMODR_X: is not Y\n")


def test_a_service_that_refuses_is_named_by_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/hermodr_sandbox/__main__.py"])
    with pytest.raises(SystemExit):
        refuse("HERMODR_X: is not Y")
    assert capsys.readouterr().err == "hermodr_sandbox: configuration: HERMODR_X: is not Y\n"


def test_all_that_is_missing_is_named_beside_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_ENV", "production")
    monkeypatch.setenv("HERMODR_AMQP_URL", "redis://SECRET@broker")
    monkeypatch.setenv("HERMODR_LOG_LEVEL", "loud")
    said = refused(capsys)
    assert "HERMODR_ENV=production needs HERMODR_DATABASE_URL, HERMODR_POSTMAN_KEY;" in said
    assert "HERMODR_AMQP_URL: must start with amqp:// or amqps://" in said
    assert "HERMODR_LOG_LEVEL: " in said


class EitherSettings(ServiceSettings):
    service: ClassVar[str] = "either"
    port_offset: ClassVar[int] = 9
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (("key", "keys_url"),)

    key: str | None = None
    keys_url: str | None = None


def test_of_alternatives_one_is_enough() -> None:
    assert EitherSettings.missing([]) == ["HERMODR_KEY or HERMODR_KEYS_URL"]
    assert EitherSettings.missing(["HERMODR_KEYS_URL"]) == []


def test_what_several_services_lack_is_said_once() -> None:
    both = Flaws(("A", "B"), ("C: is no number",)) | Flaws(("B", "D"), ("C: is no number",))
    assert str(both) == "HERMODR_ENV=production needs A, B, D; C: is no number"
    assert not Flaws()


def test_files_stand_for_variables_and_the_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hermodr_database_url").write_text("postgresql://api:SECRET@db/hermodr\n", encoding="utf-8")
    (tmp_path / "hermodr_amqp_url").write_text("amqp://api:SECRET@broker/\n", encoding="utf-8")
    (tmp_path / "hermodr_service").write_text("not a setting", encoding="utf-8")
    monkeypatch.setenv("HERMODR_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("HERMODR_AMQP_URL", "amqp://somebody@else/")
    found = EitherSettings()
    assert found.database_url == "postgresql://api:SECRET@db/hermodr"
    assert found.amqp_url == "amqp://somebody@else/"


def test_in_production_what_is_in_a_file_is_not_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_ENV", "production")
    monkeypatch.setenv("HERMODR_SECRETS_DIR", str(tmp_path))
    for name, value in (PRODUCTION | {"HERMODR_AMQP_URL": "redis://SECRET@broker"}).items():
        (tmp_path / name.lower()).write_text(value, encoding="utf-8")
    said = refused(capsys)
    assert "HERMODR_AMQP_URL: must start with" in said
    assert "production needs" not in said
    (tmp_path / "hermodr_amqp_url").write_text(PRODUCTION["HERMODR_AMQP_URL"], encoding="utf-8")
    assert load(PostmanSettings).amqp_url == PRODUCTION["HERMODR_AMQP_URL"]


def test_a_folder_of_secrets_that_is_not_there_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HERMODR_SECRETS_DIR", str(tmp_path / "nowhere"))
    assert EitherSettings().key is None


HOSTS = "postgresql://api:SECRET@one:5432,two:5433/hermodr"


@pytest.mark.parametrize("wanted", ["read-write", "primary"])
def test_a_database_of_several_hosts_is_the_one_that_takes_writes(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    url = f"{HOSTS}?target_session_attrs={wanted}"
    monkeypatch.setenv("HERMODR_DATABASE_URL", url)
    assert load(PostmanSettings).database_url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (HOSTS, "target_session_attrs=read-write"),
        (f"{HOSTS}?target_session_attrs=any", "target_session_attrs=read-write"),
        ("postgresql://one,two/hermodr", "target_session_attrs=read-write"),
        (f"{HOSTS.replace('5433', 'SECRET')}?target_session_attrs=primary", "malformed host or port"),
        ("mysql://one,two/hermodr", "must start with postgresql://"),
    ],
)
def test_several_hosts_that_may_be_a_standby_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, why: str
) -> None:
    monkeypatch.setenv("HERMODR_DATABASE_URL", url)
    refusal = refused(capsys)
    assert why in refusal
    assert "SECRET" not in refusal


def test_several_hosts_are_the_databases_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMODR_AMQP_URL", "amqp://guest:guest@one:5672,two:5672/")
    assert "malformed host or port" in refused(capsys)
