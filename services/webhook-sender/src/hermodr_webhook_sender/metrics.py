"""What the webhook sender measures."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)


class WebhookMetrics:
    """The metrics, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter(
            "hermodr_webhook_messages", "Attempts, by what came of them.", ("outcome",), registry=registry
        )
        for outcome in ("delivered", "failed", "throttled", "gone"):
            self.messages.labels(outcome)
        self.seconds = Histogram(
            "hermodr_webhook_seconds",
            "How long endpoints took to answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "hermodr_webhook_waiting", "Messages that wait to be sent, or sent again.", registry=registry
        )
        self.sending = Gauge("hermodr_webhook_sending", "Messages being sent.", registry=registry)
