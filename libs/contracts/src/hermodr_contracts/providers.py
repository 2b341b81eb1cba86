"""The kinds of providers by the schemes of their DSNs. Senders build them, the api takes their reports: both read the
same variable."""

from collections.abc import Mapping

from hermodr_contracts.vocabulary import Channel

EMAIL_PROVIDERS: Mapping[str, str] = {
    "smtp": "smtp",
    "smtp+starttls": "smtp",
    "smtps": "smtp",
    "resend": "resend",
    "sendgrid": "sendgrid",
}
SMS_PROVIDERS: Mapping[str, str] = {"twilio": "twilio", "vonage": "vonage", "whatsapp": "whatsapp"}
"""Those of texts (SMS), and those of WhatsApp."""
WHATSAPP = "whatsapp"
"""The scheme of the providers that carry WhatsApp; all others of `SMS_PROVIDERS` carry texts."""

SENDGRID_MESSAGE_ID = "hermodr_message_id"
"""The custom argument with our Message-ID, which SendGrid's events and its activity feed repeat."""
RESEND_JOB_TAG = "hermodr_job"
"""The tag with the job's id, which Resend's events repeat."""
TWILIO_DELIVERY = "delivery"
"""The parameter of a text's status callback with the delivery's id."""


def channel_of(scheme: str) -> Channel:
    """What a provider of `SMS_PROVIDERS` carries."""
    return Channel.WHATSAPP if scheme.lower() == WHATSAPP else Channel.SMS


def channels_of(dsns: str) -> set[Channel]:
    """What the DSNs of `HERMODR_SMS_PROVIDERS` carry."""
    return {channel_of(each.partition("://")[0]) for each in dsns.split()}
