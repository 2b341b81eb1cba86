from collections.abc import Mapping

from hermodr_contracts.providers import channels_of

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


def texts(environment: Mapping[str, str]) -> bool:
    """Whether this installation serves sms or whatsapp: if one is named, or by default if there is a provider."""
    if named := environment.get("HERMODR_CHANNELS"):
        return not {"sms", "whatsapp"}.isdisjoint(named.split())
    return bool(environment.get("HERMODR_SMS_PROVIDERS")) or uses_sandbox(environment)


def phone_providers(environment: Mapping[str, str]) -> str | None:
    """`HERMODR_SMS_PROVIDERS` as it is given, with the sandbox for what is served and has no provider, if it runs.
    Raises ValueError, see `port_base`."""
    given = environment.get("HERMODR_SMS_PROVIDERS") or ""
    if not uses_sandbox(environment):
        return given or None
    named = environment.get("HERMODR_CHANNELS")
    wanted = named.split() if named else [] if given else list(_SANDBOXED)
    missing = [name for name in _SANDBOXED if name in wanted and name not in channels_of(given)]
    return " ".join(filter(None, [given, *(_sandboxed(name, environment) for name in missing)])) or None


def sandbox_sms_provider(environment: Mapping[str, str]) -> str:
    """The sandbox for texts and WhatsApp. Raises ValueError, see `port_base`."""
    return " ".join(_sandboxed(name, environment) for name in _SANDBOXED)


_SANDBOXED = {
    "sms": f"twilio://AC{'0' * 32}:pretended@127.0.0.1:{{port}}?tls=off&from=%2B15005550006",
    "whatsapp": "whatsapp://100000000000001:pretended@127.0.0.1:{port}?tls=off"
    "&events=pretended-app-secret&verify=pretended-verify-token",
}


def _sandboxed(channel: str, environment: Mapping[str, str]) -> str:
    return _SANDBOXED[channel].format(port=port_base(environment) + SANDBOX_OFFSET)


def sandbox_provider(environment: Mapping[str, str]) -> str:
    """Raises ValueError, see `smtp_port`."""
    return f"smtp://127.0.0.1:{smtp_port(environment)}"
