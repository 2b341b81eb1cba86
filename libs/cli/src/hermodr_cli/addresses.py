from collections.abc import Mapping

DEFAULT_PORT_BASE = 8000
HIGHEST_PORT_BASE = 65_000
DEFAULT_SMTP_PORT = 1025
SMTP_PORT = "HERMODR_SANDBOX_SMTP_PORT"
SANDBOX_OFFSET = 25


def port_base(environment: Mapping[str, str]) -> int:
    """Raises ValueError, naming the variable, unless it is a port."""
    text = environment.get("HERMODR_PORT_BASE") or str(DEFAULT_PORT_BASE)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= HIGHEST_PORT_BASE):
        raise ValueError(f"HERMODR_PORT_BASE: {text[:40]!r} is not a number from 1 to {HIGHEST_PORT_BASE}")
    return int(text)


def smtp_port(environment: Mapping[str, str]) -> int:
    """Raises ValueError, naming the variable, unless it is a number."""
    text = environment.get(SMTP_PORT) or str(DEFAULT_SMTP_PORT)
    if not text.isdigit():
        raise ValueError(f"{SMTP_PORT}: {text!r} is not a port number")
    return int(text)


def uses_sandbox(environment: Mapping[str, str]) -> bool:
    """No provider is named, and it is not production."""
    return environment.get("HERMODR_ENV") != "production" and not environment.get("HERMODR_EMAIL_PROVIDERS")


def texts_by_sandbox(environment: Mapping[str, str]) -> bool:
    """The sandbox runs, and nothing else carries texts."""
    return uses_sandbox(environment) and not environment.get("HERMODR_SMS_PROVIDERS") and texts(environment)


def texts(environment: Mapping[str, str]) -> bool:
    """Whether this installation serves sms: if it is named, or by default if there is a provider for it."""
    if named := environment.get("HERMODR_CHANNELS"):
        return "sms" in named.split()
    return bool(environment.get("HERMODR_SMS_PROVIDERS")) or uses_sandbox(environment)


def sandbox_sms_provider(environment: Mapping[str, str]) -> str:
    """Raises ValueError, see `port_base`."""
    port = port_base(environment) + SANDBOX_OFFSET
    return f"twilio://AC{'0' * 32}:pretended@127.0.0.1:{port}?tls=off&from=%2B15005550006"


def sandbox_provider(environment: Mapping[str, str]) -> str:
    """Raises ValueError, see `smtp_port`."""
    return f"smtp://127.0.0.1:{smtp_port(environment)}"
