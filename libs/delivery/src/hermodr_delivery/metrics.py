"""Metrics of every sender (API §8)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hermodr_servicekit import job_counters

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class SenderMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "hermodr_deliveries",
            "Attempts, by what came of them.",
            ("channel", "provider", "outcome"),
            registry=registry,
        )
        self.finished = job_counters.finished(registry)
        self.accept_to_sent = Histogram(
            "hermodr_accept_to_sent_seconds",
            "From acceptance, or the scheduled time, to the provider's acceptance.",
            ("channel", "priority"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.provider_request = Histogram(
            "hermodr_provider_request_seconds",
            "One provider call.",
            ("provider",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.retries = Counter("hermodr_retries", "Retries planned.", ("channel", "step"), registry=registry)
        self.failovers = Counter(
            "hermodr_failovers",
            "Attempts that a provider certainly did not accept, and another one took over.",
            ("provider",),
            registry=registry,
        )
        self.overflows = Counter(
            "hermodr_overflows",
            "Deliveries that did not wait for this provider's rate, and went to another one.",
            ("provider",),
            registry=registry,
        )
        self.breaker = Gauge(
            "hermodr_circuit_breaker_state",
            "Whether the provider works: 0 closed, 1 half-open, 2 open.",
            ("provider",),
            registry=registry,
        )
        self._of_limits(registry)

    def _of_limits(self, registry: CollectorRegistry) -> None:
        self.rate_limit_wait = Histogram(
            "hermodr_rate_limit_wait_seconds",
            "What a provider's limits made a message wait.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.reservations = Counter(
            "hermodr_provider_reservations",
            "How often moments for calls were reserved from the rate that all senders share.",
            ("provider",),
            registry=registry,
        )
        self.refusals = Counter(
            "hermodr_provider_refusals",
            "Calls refused whatever their message, by why: connections, pace, access.",
            ("provider", "cause"),
            registry=registry,
        )
        self.calls_allowed = Gauge(
            "hermodr_provider_calls_allowed",
            "Calls at once that the provider bears, as far as known.",
            ("provider",),
            registry=registry,
        )
        self.rate_allowed = Gauge(
            "hermodr_provider_rate_allowed",
            "Calls a second that the provider bears, as far as known; 0 for any number.",
            ("provider",),
            registry=registry,
        )
        self.resting = Gauge(
            "hermodr_provider_resting_seconds",
            "How long the provider is still left alone, as it refused.",
            ("provider",),
            registry=registry,
        )
