"""What waits, in the ledger and at the broker, and the scheduler that looks after it."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import Row, board, graph, quantile, rate

_LEDGER = Row(
    "In the ledger",
    [
        graph(
            "Waiting",
            "short",
            "Jobs and deliveries that are due and not worked on.",
            {"{{kind}} {{priority}}": "hermodr:jobs_waiting"},
            stacked=True,
        ),
        graph(
            "Waiting for a sender",
            "short",
            "Deliveries of them.",
            {"{{channel}} {{priority}}": "hermodr:deliveries_waiting"},
            stacked=True,
        ),
        graph(
            "Oldest waiting",
            "s",
            "Tasks are not counted; two minutes are an alert.",
            {"oldest": "max(hermodr_oldest_waiting_seconds)"},
        ),
        graph("Dead letters", "short", "Not replayed.", {"dead letters": "max(hermodr_dead_letters)"}),
    ],
)
_BROKER = Row(
    "At the broker",
    [
        graph(
            "Messages",
            "short",
            "In each queue, ids of up to a hundred rows each; those a service has taken are not counted.",
            {"{{queue}}": "max by (queue) (hermodr_queue_messages) > 0 or sum(hermodr_queue_messages) * 0"},
        ),
        graph(
            "Consumers",
            "short",
            "Of each queue that somebody reads.",
            {"{{queue}}": 'max by (queue) (hermodr_consumers{queue!~".+[.]retry[.].+"})'},
        ),
    ],
)
_SCHEDULER = Row(
    "The scheduler",
    [
        graph(
            "Lateness",
            "s",
            "How late scheduled jobs, and jobs of schedules, are announced.",
            {f"p{round(q * 100)}": quantile(q, "hermodr_schedule_lateness_seconds") for q in (0.5, 0.99)},
        ),
        graph(
            "Announced again",
            "ops",
            "Rows that nobody had taken, by why.",
            {"{{reason}}": rate("hermodr_reannounced_total", "reason")},
        ),
        graph(
            "Last sign of life",
            "s",
            "Of the newest instance of each service; a scheduler's of a minute is an alert.",
            {"{{service}}": "time() - max by (service) (hermodr_service_heartbeat_timestamp_seconds)"},
            width=24,
        ),
    ],
)


def queues() -> Dashboard:
    says = "What waits, in the ledger and at the broker, and the scheduler that looks after it."
    return board("queues", "Hermodr: queues and scheduler", says, [_LEDGER, _BROKER, _SCHEDULER])
