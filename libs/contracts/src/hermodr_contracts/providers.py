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
SMS_PROVIDERS: Mapping[str, str] = {"twilio": "twilio", "vonage": "vonage"}

SENDGRID_MESSAGE_ID = "hermodr_message_id"
"""The custom argument with our Message-ID, which SendGrid's events and its activity feed repeat."""
RESEND_JOB_TAG = "hermodr_job"
"""The tag with the job's id, which Resend's events repeat."""
TWILIO_DELIVERY = "delivery"
"""The parameter of a text's status callback with the delivery's id."""
