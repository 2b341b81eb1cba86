"""What the scheduler measures (API §8)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)


class SchedulerMetrics:
    """The metrics, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lateness = Histogram(
            "hermodr_schedule_lateness_seconds",
            "How late scheduled jobs, and jobs of schedules, were announced.",
            buckets=_LATENESS,
            registry=registry,
        )
        self.accepted = Counter(
            "hermodr_jobs_accepted", "Jobs committed here.", ("kind", "priority"), registry=registry
        )
        self.reannounced = Counter(
            "hermodr_reannounced", "Rows announced again, by why.", ("reason",), registry=registry
        )
        self.finished = Counter(
            "hermodr_jobs_finished", "Jobs that ended here.", ("kind", "status"), registry=registry
        )
        self.waiting = Gauge(
            "hermodr_jobs_waiting", "Due and not yet worked on.", ("kind", "priority"), registry=registry
        )
        self.oldest = Gauge(
            "hermodr_oldest_waiting_seconds", "Age of the oldest row that is due.", registry=registry
        )
        self.dead_letters = Gauge("hermodr_dead_letters", "Dead letters not replayed.", registry=registry)
        self.bounce_mails = Counter(
            "hermodr_bounce_mails", "Mails read in the bounce mailbox.", ("kind",), registry=registry
        )
        self.receipts = Counter(
            "hermodr_receipts", "Reports read in the bounce mailbox.", ("provider", "kind"), registry=registry
        )
        self.consumers = Gauge("hermodr_consumers", "Consumers of a queue.", ("queue",), registry=registry)
