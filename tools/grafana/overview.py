"""Is all well? What comes in, what goes out, how long it takes."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import Row, board, graph, number, quantile, quantiles, rate

_FAILED = 'hermodr_jobs_finished_total{status="failed"}'

_NOW = Row(
    "Now",
    [
        number("Processes", "none", "Those that answer.", 'sum(up{job="hermodr"})'),
        number(
            "Waiting",
            "short",
            "Due and not worked on.",
            "sum(hermodr:jobs_waiting) or vector(0)",
            yellow=100,
            red=1000,
        ),
        number(
            "Oldest waiting",
            "s",
            "Tasks are not counted.",
            "max(hermodr_oldest_waiting_seconds)",
            yellow=30,
            red=120,
        ),
        number(
            "Failed within an hour",
            "short",
            "Jobs, for good.",
            f"sum(increase({_FAILED}[1h]))",
            yellow=10,
            red=100,
        ),
        number("Dead letters", "short", "Not replayed.", "max(hermodr_dead_letters)", yellow=1),
        number(
            "Alerts",
            "short",
            "Firing.",
            'count(ALERTS{alertname=~"Hermodr.+", alertstate="firing"}) or vector(0)',
            red=1,
        ),
    ],
)
_FLOW = Row(
    "Flow",
    [
        graph(
            "Accepted",
            "ops",
            "Jobs committed by the api and the scheduler; those of SQL are not counted.",
            {"{{kind}}": rate("hermodr_jobs_accepted_total", "kind")},
            stacked=True,
        ),
        graph(
            "Ended",
            "ops",
            "Jobs, by how.",
            {"{{status}}": rate("hermodr_jobs_finished_total", "status")},
            stacked=True,
        ),
        graph(
            "From acceptance to the provider",
            "s",
            "From acceptance, or the scheduled time, to the provider's acceptance.",
            {f"p{round(q * 100)}": quantile(q, "hermodr_accept_to_sent_seconds") for q in (0.5, 0.95, 0.99)},
        ),
        graph(
            "Sent",
            "ops",
            "Attempts, by channel and what came of them.",
            {"{{channel}} {{outcome}}": rate("hermodr_deliveries_total", "channel, outcome")},
            stacked=True,
        ),
    ],
)
_API = Row(
    "The api",
    [
        graph(
            "Requests",
            "reqps",
            "By status.",
            {"{{status}}": rate("hermodr_http_request_seconds_count", "status")},
            stacked=True,
        ),
        graph(
            "Answers",
            "s",
            "Half of them are faster than p50, one in twenty is slower than p95.",
            quantiles("hermodr_http_request_seconds"),
        ),
        graph(
            "Open pages",
            "short",
            "Sockets and streams of end users.",
            {"{{transport}}": "sum by (transport) (hermodr_sockets)", "streams": "sum(hermodr_streams)"},
        ),
    ],
)
_PROCESSES = Row(
    "Processes",
    [
        graph(
            "Checks that fail",
            "none",
            "Instances of a service for which a check of /health/ready does not hold.",
            {"{{service}} {{check}}": "sum by (service, check) (1 - hermodr_ready)"},
        ),
        graph(
            "CPU",
            "percentunit",
            "Of one core, per service.",
            {"{{service}}": rate("process_cpu_seconds_total", "service", 'job="hermodr"')},
        ),
        graph(
            "Memory",
            "bytes",
            "Resident, per service.",
            {"{{service}}": 'sum by (service) (process_resident_memory_bytes{job="hermodr"})'},
        ),
        graph(
            "Lateness of the event loop",
            "s",
            "Above 0.1 s, something computed and all else waited.",
            {"{{service}}": quantile(0.99, "hermodr_loop_lag_seconds", "service")},
        ),
    ],
)


def overview() -> Dashboard:
    says = "What comes in, what goes out, how long it takes, and whether the services are well."
    return board("overview", "Hermodr: overview", says, [_NOW, _FLOW, _API, _PROCESSES])
