from hermodr_sandbox.domain.text import Text


def shown(text: Text) -> dict[str, object]:
    """As the page and tests read it."""
    return {
        "id": str(text.number),
        "provider": text.provider,
        "sid": text.sid,
        "at": text.at.isoformat().replace("+00:00", "Z"),
        "phone": text.phone,
        "other": text.other,
        "body": text.body,
        "inbound": text.inbound,
        "status": text.status,
        "error": text.error,
        "segments": text.segments,
        "encoding": text.encoding,
        "channel": "whatsapp" if text.provider == "whatsapp" else "sms",
        "template": text.template,
    }
