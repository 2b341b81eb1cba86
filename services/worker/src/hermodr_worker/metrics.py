"""What a worker measures. Types are declared in code, so labels are bounded."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hermodr_servicekit import job_counters

_BUCKETS = (0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 1800, 7200)


class WorkerMetrics:
    """The metrics, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "hermodr_task_attempts", "Attempts that ended, by how.", ("type", "outcome"), registry=registry
        )
        self.seconds = Histogram(
            "hermodr_task_seconds", "How long attempts took.", ("type",), buckets=_BUCKETS, registry=registry
        )
        self.running = Gauge("hermodr_tasks_running", "Tasks run by this worker.", registry=registry)
        self.finished = job_counters.finished(registry)
