"""The mail every peer sends: that of tests/benchmarks/site.py, text and HTML."""

import os
import uuid
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

SMTP_HOST = "127.0.0.1"
SMTP_PORT = int(os.environ["PEER_SMTP_PORT"])
SENDER = "news@example.com"
TEXT = "Hello {name},\n\nthere is news: {link}\n"
HTML = (
    "<html><body><h1>Hello {name}</h1>"
    + "<p>There is <a href='{link}'>news</a> for you today.</p>" * 20
    + "</body></html>"
)


def address(number: int) -> str:
    return f"reader-{number}@example.com"


def build(number: int) -> MIMEMultipart:
    """`MIMEMultipart` takes a third of the time of `EmailMessage`."""
    values = {"name": f"Reader {number}", "link": f"https://example.com/news/{number}"}
    mail = MIMEMultipart("alternative")
    mail["From"] = f"News <{SENDER}>"
    mail["To"] = address(number)
    mail["Subject"] = f"News for Reader {number}"
    mail["Message-ID"] = f"<{uuid.uuid4()}@example.com>"
    mail.attach(MIMEText(TEXT.format(**values), "plain", "us-ascii"))
    mail.attach(MIMEText(HTML.format(**values), "html", "us-ascii"))
    return mail
