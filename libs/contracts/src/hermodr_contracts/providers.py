"""The kinds of providers by the schemes of their DSNs. Senders build them, the api takes their reports: both read the
same variable."""

from collections.abc import Mapping

EMAIL_PROVIDERS: Mapping[str, str] = {
    "smtp": "smtp",
    "smtp+starttls": "smtp",
    "smtps": "smtp",
    "resend": "resend",
    "sendgrid": "sendgrid",
}
