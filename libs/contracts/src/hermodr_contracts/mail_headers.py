"""Which headers a producer may give a mail, the same at every entry: `X-…`, `List-…`, `In-Reply-To`, `References`.

Values are printable ASCII that can be folded at single spaces (RFC 5322 §2.2.3): encode others by RFC 2047 first.
Hermodr itself writes `X-Hermodr-…`, `List-Unsubscribe` and `List-Unsubscribe-Post`. Relays take orders from headers,
recipients among them: SendGrid (`X-SMTPAPI`, `X-SG-…`), Mandrill (`X-MC-…`), Postmark (`X-PM-…`), Mailgun
(`X-Mailgun-…`), SparkPost (`X-MSYS-API`), Amazon SES (`X-SES-…`), Mailjet (`X-MJ-…`, `X-Mailjet-…`).
"""

import re
from collections.abc import Iterator, Mapping

MOST_HEADERS = 20
MOST_CHARACTERS = 8_000
"""Of all names and values together: SendGrid takes 10,000 octets."""
LONGEST_NAME = 76
_LONGEST_LINE = 998  # RFC 5322 §2.1.1
_NAME = re.compile(
    r"(?:X|List)-[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|In-Reply-To|References", re.IGNORECASE | re.ASCII
)
_RESERVED = re.compile(
    r"X-Hermodr(?:-.*)?|List-Unsubscribe(?:-Post)?|X-SMTPAPI|X-MSYS-API|X-(?:SG|MC|PM|Mailgun|SES|MJ|Mailjet)-.*",
    re.IGNORECASE | re.ASCII,
)
_VALUE = re.compile(r"[!-~]+(?: [!-~]+)*")
_SPELLED = {"in-reply-to": "In-Reply-To", "references": "References"}


def spelled(name: str) -> str:
    """The usual spelling of a standard header's name; others are kept as given."""
    return _SPELLED.get(name.lower(), name)


def flaws(headers: Mapping[str, str]) -> Iterator[tuple[str | None, str]]:
    """What is wrong, by header; `None`: with all together."""
    if len(headers) > MOST_HEADERS:
        yield None, f"has {len(headers)} headers; a mail may be given {MOST_HEADERS}"
        return
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_CHARACTERS:
        yield None, f"has more than {MOST_CHARACTERS} characters"
        return
    seen: set[str] = set()
    for name, value in headers.items():
        if (reason := _flaw(name, value)) is not None:
            yield name, reason
        elif name.lower() in seen:
            yield name, "stands there twice: upper and lower case do not tell headers apart"
        seen.add(name.lower())


def _flaw(name: str, value: str) -> str | None:
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        return "is not a header that a mail may be given: X-…, List-…, In-Reply-To or References"
    if _RESERVED.fullmatch(name):
        return "is a header that Hermodr or a provider sets itself"
    if not _VALUE.fullmatch(value):
        return "must be printable ASCII in a single line, without outer or double spaces"
    if max(map(len, value.split(" "))) + len(name) + 2 > _LONGEST_LINE:
        return f"has a word that does not fit a line of {_LONGEST_LINE} characters"
    return None
