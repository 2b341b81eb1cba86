"""Typed settings from the environment (DESIGN §6): what every service reads, and how a wrong value ends the process."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NoReturn, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from hermodr_contracts.channels import EMAIL_LADDER, TEXT_LADDER, WEBHOOK_LADDER, served, usual, with_ladder
from hermodr_contracts.ladder import Step, parse_ladder
from hermodr_contracts.providers import channels_of
from hermodr_contracts.quotas import Limits, Quota
from hermodr_contracts.quotas import parse as parse_limit
from hermodr_contracts.segments import MOST_SEGMENTS
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel
from hermodr_servicekit.file_links import FileLinks
from hermodr_servicekit.guard.addresses import Networks, networks
from hermodr_servicekit.links import LEAST_SECRET_BYTES, Links
from hermodr_servicekit.return_paths import ReturnPaths
from hermodr_servicekit.sealing import Sealer
from hermodr_servicekit.secret_keys import secret_keys
from hermodr_servicekit.token_signing import TokenSecrets
from hermodr_servicekit.webhook_signing import WebhookSecrets

PREFIX = "HERMODR_"

SECRETS_DIR = "HERMODR_SECRETS_DIR"
"""Names a folder of files, each called as a variable in lower case and holding its value: what must not be in an
environment, as containers' secrets are not. The environment comes first."""

_TAKES_WRITES = (["read-write"], ["primary"])
DEVELOPMENT_DATABASE_URL = "postgresql://postgres@127.0.0.1:5432/hermodr"
DEVELOPMENT_AMQP_URL = "amqp://guest:guest@127.0.0.1:5672/"


def _ladder_is_readable(text: str) -> str:
    parse_ladder(text)
    return text


def _channels_are_servable(text: str) -> str:
    served(text)
    return text


def _scheme_of(*schemes: str) -> AfterValidator:
    return AfterValidator(lambda url: _is_readable(url, schemes))


def _is_readable(url: str, schemes: tuple[str, ...]) -> str:
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    try:
        urlsplit(url).port  # noqa: B018 - looking at it is what checks it
    except ValueError:  # whose text may quote a part of the password
        raise ValueError("has a malformed host or port: percent-encode / ? # @ : in a password") from None
    return url


def _names_a_database(url: str) -> str:
    """At one host, or at several (`one:5432,two:5432`), of which the one that takes writes is used."""
    scheme, slashes, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    who, at, hosts = place.rpartition("@")
    for host in hosts.split(","):
        _is_readable(f"{scheme}{slashes}{who}{at}{host}{slash}{path}", ("postgresql", "postgres"))
    if "," in hosts and parse_qs(path.partition("?")[2]).get("target_session_attrs") not in _TAKES_WRITES:
        raise ValueError("names several hosts without target_session_attrs=read-write: one may be a standby")
    return url


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {LEAST_SECRET_BYTES} bytes")
    return secret


def _keys_are_long_enough(keys: SecretStr) -> SecretStr:
    secret_keys(keys.get_secret_value())
    return keys


def _networks_are_readable(text: str) -> str:
    networks(text)
    return text


def _limit_of(quota: Quota) -> BeforeValidator:
    return BeforeValidator(lambda given: parse_limit(quota, given) if isinstance(given, str) else given)


_LIMITS = Limits()


class _Incomplete(ValueError):
    """A variable that production needs is missing."""


class ServiceSettings(BaseSettings):
    """The settings all services share. Each service subclasses it with its own, its name and its port."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    service: ClassVar[str]
    port_offset: ClassVar[int]
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = ("database_url", "amqp_url")
    """Names of fields; of several in a tuple one is enough."""

    env: Literal["development", "production"] = "development"
    database_url: Annotated[str, AfterValidator(_names_a_database)] = DEVELOPMENT_DATABASE_URL
    amqp_url: Annotated[str, _scheme_of("amqp", "amqps")] = DEVELOPMENT_AMQP_URL
    amqp_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "hermodr"
    channels: Annotated[str, AfterValidator(_channels_are_servable)] | None = None
    """The channels this installation serves, separated by spaces. The same for all its services. By default email, and
    sms and whatsapp with a provider for it; in development webhook with a `secret_key`."""
    sms_providers: str | None = None
    """DSNs in order of preference, separated by spaces. The same for all services."""
    sms_max_segments: Annotated[int, Field(ge=1, le=100)] = MOST_SEGMENTS
    """Longer texts are refused. The same for api and sms-sender."""
    retry_ladder: Annotated[str, AfterValidator(_ladder_is_readable)] = EMAIL_LADDER
    """Email's."""
    sms_retry_ladder: Annotated[str, AfterValidator(_ladder_is_readable)] = TEXT_LADDER
    webhook_retry_ladder: Annotated[str, AfterValidator(_ladder_is_readable)] = WEBHOOK_LADDER
    message_id_domain: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$", max_length=200)
    ] = "hermodr.localhost"
    """The right side of every `Message-ID`; the api tells producers what the sender will use."""
    public_url: Annotated[str, _scheme_of("http", "https")] | None = None
    """Where the api is reached from outside, for links in mails; by default this machine's port."""
    link_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """Signs links in mails, and return paths; the same for api, email-sender and scheduler. Without it mails have no
    unsubscribe link."""
    secret_key: Annotated[SecretStr, AfterValidator(_keys_are_long_enough)] | None = None
    """One or several, separated by spaces: what the signing secrets of webhooks and of users' tokens are derived from,
    passwords of connections are sealed with, and links to files are signed with. The same for api, webhook-sender and
    worker."""
    connection_allow: Annotated[str, AfterValidator(_networks_are_readable)] | None = None
    """Networks that database connections may reach although they are not public. The same for api and worker."""
    files_url: Annotated[str, Field(pattern=r"^[a-z0-9]{2,4}://[^\s]+$")] | None = None
    """Where files that tasks make are kept: `file:///folder`, `s3://bucket/path`. The same for api, worker and
    scheduler, which all reach it."""
    webhook_allow: Annotated[str, AfterValidator(_networks_are_readable)] | None = None
    """Networks that webhooks may reach although they are not public. The same for api and webhook-sender."""
    quota_requests_per_second: Annotated[int | None, NoDecode, _limit_of(Quota.REQUESTS_PER_SECOND)] = (
        _LIMITS.requests_per_second
    )
    """What each project may use unless an operator says otherwise; `off`: no limit. The same for api and scheduler."""
    quota_accepted_per_day: Annotated[int | None, NoDecode, _limit_of(Quota.ACCEPTED_PER_DAY)] = (
        _LIMITS.accepted_per_day
    )
    quota_bulks_under_way: Annotated[int | None, NoDecode, _limit_of(Quota.BULKS_UNDER_WAY)] = (
        _LIMITS.bulks_under_way
    )
    """In one process of the api."""
    quota_waiting_jobs: Annotated[int | None, NoDecode, _limit_of(Quota.WAITING_JOBS)] = _LIMITS.waiting_jobs
    quota_stored_bytes: Annotated[int | None, NoDecode, _limit_of(Quota.STORED_BYTES)] = _LIMITS.stored_bytes
    quota_sockets: Annotated[int | None, NoDecode, _limit_of(Quota.SOCKETS)] = _LIMITS.sockets
    http_host: str = "127.0.0.1"
    http_port: Annotated[int | None, Field(ge=0, le=65535)] = None
    port_base: Annotated[int, Field(ge=1, le=65000)] = 8000
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json", "auto"] = "auto"
    grace_seconds: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """How long in-flight work may take to finish after SIGTERM."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    broker_metrics: bool = False
    """Whether each message of the broker is counted and timed: some 3 % of the processor time of bulk (ADR 0044)."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, the environment, then the files of `HERMODR_SECRETS_DIR`."""
        folder = secrets_folder()
        files = SecretsSettingsSource(settings_cls, folder) if folder else file_secret_settings
        return init_settings, env_settings, files

    @property
    def port(self) -> int:
        """The HTTP port: `HERMODR_HTTP_PORT`, else `HERMODR_PORT_BASE` plus the service's offset."""
        return self.port_base + self.port_offset if self.http_port is None else self.http_port

    @property
    def quotas(self) -> Limits:
        """What each project may use by default."""
        return Limits(**{str(quota): getattr(self, f"quota_{quota}") for quota in Quota})

    @property
    def links(self) -> Links | None:
        """Makes and reads the links in mails, if there is a secret."""
        if self.link_secret is None:
            return None
        return Links(self.link_secret.get_secret_value(), self.own_url)

    @property
    def own_url(self) -> str:
        """Where the api is reached from outside."""
        return self.public_url or self.local_url

    @property
    def pictures_url(self) -> str | None:
        """Where mails have pictures of ours from; nowhere if it is not known where the api is reached from outside."""
        return self.public_url if self.env == "production" else self.own_url

    @property
    def local_url(self) -> str:
        """Where the api is reached on this machine."""
        return f"http://127.0.0.1:{self.port_base}"

    @property
    def return_paths(self) -> ReturnPaths | None:
        """Signs and reads return paths, if there is a secret."""
        return ReturnPaths(self.link_secret.get_secret_value()) if self.link_secret is not None else None

    @property
    def webhook_secrets(self) -> WebhookSecrets | None:
        """Makes the signing secrets of webhooks, if there is a key."""
        return WebhookSecrets(self.secret_key.get_secret_value()) if self.secret_key is not None else None

    @property
    def token_secrets(self) -> TokenSecrets | None:
        """Makes the secrets that users' tokens are signed with, if there is a key."""
        return TokenSecrets(self.secret_key.get_secret_value()) if self.secret_key is not None else None

    @property
    def sealer(self) -> Sealer | None:
        """Seals and opens passwords of connections, if there is a key."""
        return Sealer(self.secret_key.get_secret_value()) if self.secret_key is not None else None

    @property
    def file_links(self) -> FileLinks | None:
        """Makes and reads the links to files, if there is a key."""
        if self.secret_key is None:
            return None
        return FileLinks(self.secret_key.get_secret_value(), self.own_url)

    @property
    def connection_networks(self) -> Networks:
        """Those of `HERMODR_CONNECTION_ALLOW`, for the `Guard`."""
        return networks(self.connection_allow or "")

    @property
    def webhook_networks(self) -> Networks:
        """Those of `HERMODR_WEBHOOK_ALLOW`, for the `Guard`."""
        return networks(self.webhook_allow or "")

    @property
    def ladder(self) -> tuple[Step, ...]:
        """The steps of `HERMODR_RETRY_LADDER`."""
        return parse_ladder(self.retry_ladder)

    @property
    def topology(self) -> Topology:
        """The channels this installation serves, and the names it uses at the broker."""
        named = served(self.channels) if self.channels is not None else None
        channels = named or usual(self._carried)
        ladders = {
            Channel.EMAIL: self.ladder,
            Channel.SMS: self.sms_ladder,
            Channel.WHATSAPP: self.sms_ladder,
            Channel.WEBHOOK: parse_ladder(self.webhook_retry_ladder),
        }
        for channel, ladder in ladders.items():
            channels = with_ladder(channels, channel, ladder)
        return Topology(prefix=self.amqp_prefix, channels=channels)

    @property
    def _carried(self) -> set[Channel]:
        """What there is all for. In production the channel `webhook` is named: the key is not everywhere."""
        texts = channels_of(self.sms_providers or "")
        signed = self.secret_key is not None and self.env == "development"
        return texts | ({Channel.WEBHOOK} if signed else set())

    @property
    def sms_ladder(self) -> tuple[Step, ...]:
        """The steps of `HERMODR_SMS_RETRY_LADDER`."""
        return parse_ladder(self.sms_retry_ladder)

    @property
    def webhook_ladder(self) -> tuple[Step, ...]:
        """The steps of `HERMODR_WEBHOOK_RETRY_LADDER`."""
        return parse_ladder(self.webhook_retry_ladder)

    @model_validator(mode="after")
    def _production_is_explicit(self) -> "ServiceSettings":
        if self.env == "production":
            missing = self.missing(PREFIX + name.upper() for name in self.model_fields_set)
            if missing:
                raise _Incomplete(_needs(missing))
        return self

    @classmethod
    def missing(cls, given: Iterable[str]) -> list[str]:
        """The variables that production needs besides those given: `["HERMODR_A", "HERMODR_B or HERMODR_C"]`."""
        there = set(given)
        wanted = [(name,) if isinstance(name, str) else name for name in cls.required_in_production]
        variables = [[PREFIX + name.upper() for name in each] for each in wanted]
        return [" or ".join(each) for each in variables if there.isdisjoint(each)]


S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with the environment: variables that are missing in production, and a sentence for each other."""

    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.wrong)

    def __or__(self, other: "Flaws") -> "Flaws":
        return Flaws(_once(self.missing + other.missing), _once(self.wrong + other.wrong))

    def __str__(self) -> str:
        return "; ".join([_needs(self.missing)] * bool(self.missing) + list(self.wrong))


def flaws_of(cls: type[ServiceSettings], error: ValidationError) -> Flaws:
    """All that is wrong, in one go: pydantic looks at the whole only once every variable is right by itself."""
    wrong = []
    for item in error.errors(include_input=False, include_url=False):
        if not isinstance(item.get("ctx", {}).get("error"), _Incomplete):
            name = PREFIX + str(item["loc"][0]).upper() + ": " if item["loc"] else ""
            wrong.append(name + item["msg"].removeprefix("Value error, "))
    given = {name.upper(): value for name, value in os.environ.items() if value}
    if folder := secrets_folder():
        given = {file.name.upper(): "in a file" for file in folder.iterdir()} | given
    missing = cls.missing(given) if given.get("HERMODR_ENV") == "production" else ()
    return Flaws(tuple(missing), tuple(wrong))


def secrets_folder() -> Path | None:
    """The folder of `HERMODR_SECRETS_DIR`, if it is there."""
    folder = Path(os.environ.get(SECRETS_DIR) or os.devnull)
    return folder if folder.is_dir() else None


def _needs(missing: Iterable[str]) -> str:
    return f"HERMODR_ENV=production needs {', '.join(missing)}"


def _once(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def refuse(reason: str) -> NoReturn:
    """Ends the process with status 2, the status for wrong configuration: a supervisor must not restart it."""
    print(f"{_program()}: configuration: {reason}", file=sys.stderr, flush=True)
    raise SystemExit(2)


def _program() -> str:
    """What runs: the package of `python -m package`, else the command's own name."""
    path = Path(sys.argv[0])
    return path.parent.name if path.name == "__main__.py" else path.name


def load(cls: type[S]) -> S:
    """The settings of the environment. Wrong ones end the process with status 2, naming all variables and no value."""
    try:
        return cls()
    except ValidationError as error:
        refuse(str(flaws_of(cls, error)))
