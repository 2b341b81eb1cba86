"""Counters of jobs that several services have. All series exist from the start, as `increase()` does not see the first
event of a series that begins with it."""

from itertools import product

from prometheus_client import CollectorRegistry, Counter

from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, JobKind, Priority


def accepted(registry: CollectorRegistry) -> Counter:
    """`hermodr_jobs_accepted_total{kind,priority}`; the priority by the name of its lane."""
    counter = Counter(
        "hermodr_jobs_accepted", "Jobs committed here.", ("kind", "priority"), registry=registry
    )
    for kind, priority in product(JobKind, Priority):
        counter.labels(kind, priority.lane)
    return counter


def finished(registry: CollectorRegistry) -> Counter:
    """`hermodr_jobs_finished_total{kind,status}`."""
    counter = Counter("hermodr_jobs_finished", "Jobs that ended here.", ("kind", "status"), registry=registry)
    for kind, state in product(JobKind, sorted(TERMINAL_JOB_STATES)):
        counter.labels(kind, state)
    return counter
