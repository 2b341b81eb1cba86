"""What the scheduler measures (API §8)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hermodr_servicekit import job_counters

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
        self.accepted = job_counters.accepted(registry)
        self.reannounced = Counter(
            "hermodr_reannounced", "Rows announced again, by why.", ("reason",), registry=registry
        )
        for reason in ("job_overdue", "delivery_overdue", "retry_overdue", "lease_expired", "task_lost"):
            self.reannounced.labels(reason)
        self.finished = job_counters.finished(registry)
        self.waiting = Gauge(
            "hermodr_jobs_waiting", "Due and not yet worked on.", ("kind", "priority"), registry=registry
        )
        self.deliveries_waiting = Gauge(
            "hermodr_deliveries_waiting",
            "Those of them that wait for a sender.",
            ("channel", "priority"),
            registry=registry,
        )
        self.oldest = Gauge(
            "hermodr_oldest_waiting_seconds",
            "Age of the oldest row that is due, tasks left out.",
            registry=registry,
        )
        self.unserved = Gauge(
            "hermodr_tasks_unserved", "Tasks that wait, of types that no worker has.", registry=registry
        )
        self.dead_letters = Gauge("hermodr_dead_letters", "Dead letters not replayed.", registry=registry)
        self.bounce_mails = Counter(
            "hermodr_bounce_mails", "Mails read in the bounce mailbox.", ("kind",), registry=registry
        )
        self.receipts = Counter(
            "hermodr_receipts", "Reports read in the bounce mailbox.", ("provider", "kind"), registry=registry
        )
        self.queued = Gauge(
            "hermodr_queue_messages",
            "Messages of a queue that nobody has taken.",
            ("queue",),
            registry=registry,
        )
        self.consumers = Gauge("hermodr_consumers", "Consumers of a queue.", ("queue",), registry=registry)
