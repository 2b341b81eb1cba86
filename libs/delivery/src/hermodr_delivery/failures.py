"""Why a message was not delivered. The class alone decides what happens next.

    DeliveryFailure
    ├── TransientError    may succeed later: the next step of the retry ladder, not before `retry_after`
    ├── Throttled         the same, and the provider asked to slow down
    ├── PermanentError    will never succeed: no retry; `bounced` if the address itself was refused
    │   └── Defect        our error before the provider was called: no retry, but a dead letter
    ├── OutcomeUnknown    the provider may have accepted it (RFC 1047): the `on_unknown` policy decides
    └── Refused           the provider takes nothing from us now: another provider, or no attempt and the delivery
                          waits (`bearing`)

They are siblings, so exactly one `except` clause or `match` case fits a failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

MAX_DETAIL = 300

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+|\bwww\.\S+", re.IGNORECASE)
# The lookbehind lets a run without `@` be tried only from its beginning; otherwise the time would grow with the square
# of its length, and a reply may have 32 Ki characters.
_ADDRESS = re.compile(r'<?(?:"[^"]*"|(?<![^\s<>"@,;:()])[^\s<>"@,;:()]+)@[^\s<>,;()]+>?')
_PHONE = re.compile(r"\+\d[\d ().-]{5,}\d|\b\d{7,}\b")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9+/_=-])(?=[A-Za-z+/_=-]*\d)[A-Za-z0-9+/_=-]{24,}"
)  # words and variable names have no digits


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` made safe for logs: one line of at most `MAX_DETAIL` characters, with placeholders for links, addresses,
    phone numbers, long tokens and `secrets`."""
    text = _CONTROLS.sub(" ", text)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "[address]", text, flags=re.IGNORECASE)
    text = _LINK.sub("[link]", text)
    text = _ADDRESS.sub("[address]", text)
    text = _PHONE.sub("[number]", text)
    text = _TOKEN.sub("[token]", text)
    text = " ".join(text.split())
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"


class DeliveryFailure(Exception):
    """`code` is of a bounded vocabulary, fit for a metric's label (`smtp_550`). `detail` is scrubbed. `retry_after`:
    seconds. `about_message`: an answer about this message or its address, so the provider works, and another one would
    say the same. `measured`: see `Attempt`, of a message that was perhaps accepted."""

    measured: str | None = None

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retry_after: float | None = None,
        about_message: bool = False,
        secrets: Iterable[str] = (),
    ) -> None:
        self.code = code
        self.retry_after = retry_after
        self.about_message = about_message
        self.detail = scrub(detail, secrets)
        super().__init__(code, self.detail)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class TransientError(DeliveryFailure):
    """Nothing was delivered; a later attempt may succeed."""


class Throttled(DeliveryFailure):
    """Nothing was delivered; the provider wants fewer or later requests."""


class PermanentError(DeliveryFailure):
    """Nothing was delivered, and no later attempt can succeed. `bounced`: the address itself was refused."""

    def __init__(
        self, code: str, detail: str = "", *, bounced: bool = False, secrets: Iterable[str] = ()
    ) -> None:
        super().__init__(code, detail, about_message=True, secrets=secrets)
        self.bounced = bounced


class Defect(PermanentError):
    """Our code failed before the provider was called; once it is fixed, the delivery can be replayed."""

    def __init__(self, error: Exception) -> None:
        super().__init__("internal_error", type(error).__name__)


class OutcomeUnknown(DeliveryFailure):
    """The whole message was handed over, and no answer came."""


class Cause(StrEnum):
    CONNECTIONS = "connections"
    PACE = "pace"
    ACCESS = "access"
    """It does not trust us, or we do not trust it: credentials, host name, encryption. Operators have to act."""


class Refused(DeliveryFailure):
    """The cause is a limit of the provider or a mistake of the operator, not the message. `alive`: connections it keeps
    open for us. `named`: the message was known to the provider, so it may be the cause after all. `certain`: the
    provider names the cause; else it is a guess until another message is refused."""

    def __init__(
        self,
        cause: Cause,
        code: str,
        detail: str = "",
        *,
        retry_after: float | None = None,
        alive: int | None = None,
        named: bool = False,
        certain: bool = True,
        secrets: Iterable[str] = (),
    ) -> None:
        super().__init__(code, detail, retry_after=retry_after, secrets=secrets)
        self.cause = cause
        self.alive = alive
        self.named = named
        self.certain = certain
