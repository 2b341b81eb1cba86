"""Channels and their providers."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import Row, board, graph, quantile, quantiles, rate

_CHANNELS = Row(
    "Channels",
    [
        graph(
            "Attempts",
            "ops",
            "By channel and what came of them.",
            {"{{channel}} {{outcome}}": rate("hermodr_deliveries_total", "channel, outcome")},
            stacked=True,
        ),
        graph(
            "From acceptance to the provider",
            "s",
            "The 99th percentile of five minutes.",
            {"{{channel}} {{priority}}": "hermodr:accept_to_sent_seconds:p99_5m"},
        ),
        graph(
            "On average",
            "s",
            "The same, its mean of five minutes; above two minutes it is an alert.",
            {"{{channel}}": "hermodr:accept_to_sent_seconds:mean5m"},
        ),
        graph(
            "Retries planned",
            "ops",
            "By the step of the ladder.",
            {"{{channel}} {{step}}": rate("hermodr_retries_total", "channel, step")},
        ),
    ],
)
_PROVIDERS = Row(
    "Providers",
    [
        graph(
            "Attempts",
            "ops",
            "By provider and what came of them.",
            {"{{provider}} {{outcome}}": rate("hermodr_deliveries_total", "provider, outcome")},
            stacked=True,
        ),
        graph(
            "Calls",
            "s",
            "How long a provider takes to answer.",
            quantiles("hermodr_provider_request_seconds", "provider"),
        ),
        graph(
            "Circuit breakers",
            "none",
            "0 closed, 1 half-open, 2 open: nothing is sent by it.",
            {"{{provider}}": "max by (provider) (hermodr_circuit_breaker_state)"},
        ),
        graph(
            "Refused whatever the message",
            "ops",
            "Why: connections, pace, access.",
            {"{{provider}} {{cause}}": rate("hermodr_provider_refusals_total", "provider, cause")},
        ),
        graph(
            "Calls at once that a provider bears",
            "short",
            "Over all senders, as far as known.",
            {"{{provider}}": "sum by (provider) (hermodr_provider_calls_allowed)"},
        ),
        graph(
            "Calls a second that it bears",
            "ops",
            "As far as known; 0 for any number.",
            {"{{provider}}": "max by (provider) (hermodr_provider_rate_allowed)"},
        ),
        graph(
            "Waiting for a provider's limits",
            "s",
            "What limits made a message wait.",
            {"p95": quantile(0.95, "hermodr_rate_limit_wait_seconds")},
        ),
        graph(
            "Resting",
            "s",
            "How long a provider is still left alone, as it refused.",
            {"{{provider}}": "max by (provider) (hermodr_provider_resting_seconds)"},
        ),
        graph(
            "To another provider",
            "ops",
            "Attempts not accepted that another one took over; messages that did not wait for a rate.",
            {
                "{{provider}} failed over": rate("hermodr_failovers_total", "provider"),
                "{{provider}} overflowed": rate("hermodr_overflows_total", "provider"),
            },
        ),
    ],
)
_AFTERWARDS = Row(
    "Afterwards",
    [
        graph(
            "Reports of providers",
            "ops",
            "Delivered, bounced, complained, opened, clicked.",
            {"{{provider}} {{kind}}": rate("hermodr_receipts_total", "provider, kind")},
        ),
        graph(
            "Mails in the bounce mailbox",
            "ops",
            "By what they were.",
            {"{{kind}}": rate("hermodr_bounce_mails_total", "kind")},
        ),
    ],
)
_WEBHOOKS = Row(
    "Webhooks",
    [
        graph(
            "Attempts",
            "ops",
            "At endpoints, by what came of them.",
            {"{{outcome}}": rate("hermodr_webhook_messages_total", "outcome")},
            stacked=True,
        ),
        graph("Answers", "s", "How long endpoints take.", quantiles("hermodr_webhook_seconds")),
        graph(
            "Waiting",
            "short",
            "Messages to be sent, or sent again, and those being sent.",
            {"waiting": "max(hermodr_webhook_waiting)", "sending": "sum(hermodr_webhook_sending)"},
        ),
    ],
)


def channels() -> Dashboard:
    says = "What each channel and provider does, and what providers bear."
    return board(
        "channels", "Hermodr: channels and providers", says, [_CHANNELS, _PROVIDERS, _AFTERWARDS, _WEBHOOKS]
    )
