"""What mail servers and providers report by mail: RFC 3464 (bounces, delays), RFC 6533 (the same beyond ASCII),
RFC 5965 (complaints)."""

from hermodr_servicekit.mail_reports.parts import MOST_OCTETS
from hermodr_servicekit.mail_reports.reading import Mail, MailKind, MailReport, ReportKind, read

__all__ = ["MOST_OCTETS", "Mail", "MailKind", "MailReport", "ReportKind", "read"]
