"""Why a message was not delivered. The class alone decides what happens next.

    DeliveryFailure
    ├── TransientError    may succeed later: on to the next step of the retry ladder, not before `retry_after`
    ├── Throttled         the same, and the provider asked for patience: slow down
    ├── PermanentError    will never succeed: no retry; `bounced` when the address itself was refused
    │   └── Defect        a mistake of ours, met before the provider was called: no retry, but a dead letter
    ├── OutcomeUnknown    the provider may or may not have taken it (RFC 1047): the type's `on_unknown` policy decides
    └── Refused           the provider takes nothing from us now, whatever the message: no attempt, it waits (`bearing`)

The five are siblings on purpose: exactly one `except` clause or `match` case fits a failure, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

MAX_DETAIL = 300

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+|\bwww\.\S+", re.IGNORECASE)
# What looks back is said so that a run without the `@` or the digit is tried from its beginning only: from each of its
# characters it would take the square of its length, and a server's reply has up to 32 Ki of them.
_ADDRESS = re.compile(r'<?(?:"[^"]*"|(?<![^\s<>"@,;:()])[^\s<>"@,;:()]+)@[^\s<>,;()]+>?')
_PHONE = re.compile(r"\+\d[\d ().-]{5,}\d|\b\d{7,}\b")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9+/_=-])(?=[A-Za-z+/_=-]*\d)[A-Za-z0-9+/_=-]{24,}"
)  # words and variable names have no digits


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` made safe for logs and the delivery log: one line of at most `MAX_DETAIL` characters.

    Links, addresses, phone numbers and anything long enough to be a token become placeholders. `secrets` are
    strings known to be sensitive here (an address, its local part), for replies that echo them in other shapes.
    """
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
    """A provider call that did not end in acceptance.

    `code` is a short machine code of a bounded vocabulary (`smtp_550`, `connect_refused`, `timeout`): fit for a
    metric's label. `detail` is for people and always scrubbed here, so that no caller can forget to. `retry_after` is
    what the provider asked for, in seconds; None when it named no time. Only what may succeed later has one.
    """

    def __init__(
        self, code: str, detail: str = "", *, retry_after: float | None = None, secrets: Iterable[str] = ()
    ) -> None:
        self.code = code
        self.retry_after = retry_after
        self.detail = scrub(detail, secrets)
        super().__init__(code, self.detail)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class TransientError(DeliveryFailure):
    """Nothing was delivered, and a later attempt may succeed."""


class Throttled(DeliveryFailure):
    """Nothing was delivered; the provider wants fewer or later requests."""


class PermanentError(DeliveryFailure):
    """Nothing was delivered, and no later attempt can succeed.

    `bounced`: the receiving side refused the address itself, so other mail to it is doomed as well.
    """

    def __init__(
        self, code: str, detail: str = "", *, bounced: bool = False, secrets: Iterable[str] = ()
    ) -> None:
        super().__init__(code, detail, secrets=secrets)
        self.bounced = bounced


class Defect(PermanentError):
    """Our own code failed before the provider was called. It would fail the same way again, but once it is mended the
    delivery can be replayed."""

    def __init__(self, error: Exception) -> None:
        super().__init__("internal_error", type(error).__name__)


class OutcomeUnknown(DeliveryFailure):
    """The whole message was handed over, and the provider's answer never came."""


class Cause(StrEnum):
    """Why a provider takes nothing from us."""

    CONNECTIONS = "connections"
    """More connections, or calls at once, than it allows."""
    PACE = "pace"
    """More messages in some span of time than it allows."""
    ACCESS = "access"
    """It does not know or trust us, or we do not trust it: credentials, host name, encryption. Operators mend that."""


class Refused(DeliveryFailure):
    """Nothing was delivered, and the message has no part in it: a limit of the provider, or a mistake of the operator.

    `alive`: how many connections it keeps open for us at this moment; None when that says nothing. `named`: the
    message had been named when the refusal came, so in the end it may be about the message after all. `certain`: the
    provider's own words say what the cause is; otherwise it is a guess until another message is refused as well.
    """

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
