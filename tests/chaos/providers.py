"""Faults of the providers, as rules of the sandbox. They fire now and then: no mail should use up its attempts on one
of them."""

from collections.abc import Mapping

from tests.chaos.faults import FINAL_SECONDS, GREETING_SECONDS, LATE_SECONDS, SEND_SECONDS

RULES: Mapping[str, Mapping[str, object]] = {
    "cut-after-the-dot": {"action": {"kind": "drop_after_data"}, "every": 3},
    "provider-times-out": {
        "stage": "after_data",
        "action": {"kind": "delay", "seconds": FINAL_SECONDS + 1},
        "every": 4,
    },
    "provider-throttles": {"stage": "rcpt", "action": {"kind": "reply", "code": 450}, "every": 2},
    "provider-without-bdat": {"stage": "bdat", "action": {"kind": "reply", "code": 502}},
    "provider-limits-connections": {
        "stage": "connect",
        "action": {"kind": "throttle", "text": "4.7.0 Too many connections"},
        "above_connections": 3,
    },
    "provider-limits-silently": {
        "stage": "connect",
        "action": {"kind": "delay", "seconds": 3600},
        "above_connections": 3,
    },
    "provider-greets-late": {
        "stage": "connect",
        "action": {"kind": "delay", "seconds": GREETING_SECONDS - 1},
    },
    "provider-limits-pace": {
        "stage": "mail",
        "action": {"kind": "reply", "code": 454, "text": "4.7.0 Maximum sending rate exceeded"},
        "above_rate": 10,
    },
    "provider-greylists": {
        "stage": "rcpt",
        "action": {"kind": "reply", "code": 451, "text": "4.7.1 Greylisted, try again in 3 seconds"},
        "first_per_address": 1,
    },
    "provider-answers-late": {
        "stage": "after_data",
        "action": {"kind": "delay", "seconds": LATE_SECONDS},
        "every": 4,
    },
    "provider-down": {"action": {"kind": "refuse", "cut_open": True}},
    "resend-is-down": {"action": {"kind": "refuse"}, "provider": "resend"},
    "resend-is-unavailable": {
        "stage": "mail",
        "action": {"kind": "reply", "code": 503},
        "provider": "resend",
    },
    "resend-throttles": {
        "stage": "mail",
        "action": {"kind": "reply", "code": 429},
        "provider": "resend",
        "above_rate": 5,
    },
    "resend-lies": {"action": {"kind": "lie"}, "provider": "resend", "every": 3},
    "resend-is-slow": {
        "stage": "after_data",
        "action": {"kind": "delay", "seconds": SEND_SECONDS + 1},
        "provider": "resend",
        "every": 3,
    },
    "twilio-is-down": {"action": {"kind": "refuse"}, "provider": "twilio"},
    "twilio-throttles": {
        "stage": "mail",
        "action": {"kind": "reply", "code": 429},
        "provider": "twilio",
        "above_rate": 2,
    },
    "twilio-lies": {"action": {"kind": "lie"}, "provider": "twilio", "every": 3},
    "whatsapp-is-down": {"action": {"kind": "refuse"}, "provider": "whatsapp"},
    "whatsapp-throttles": {
        "stage": "mail",
        "action": {"kind": "reply", "code": 429},
        "provider": "whatsapp",
        "above_rate": 2,
    },
    "whatsapp-lies": {"action": {"kind": "lie"}, "provider": "whatsapp", "every": 3},
    "endpoint-is-down": {"action": {"kind": "refuse"}, "provider": "webhook"},
    "endpoint-lies": {"action": {"kind": "lie"}, "provider": "webhook", "every": 3},
    "endpoint-is-slow": {
        "stage": "after_data",
        "action": {"kind": "delay", "seconds": SEND_SECONDS + 1},
        "provider": "webhook",
        "every": 3,
    },
}
