"""Background tasks and their workers."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import Row, board, graph, number, quantiles, rate

_TASKS = 'kind="task"'

_NOW = Row(
    "Now",
    [
        number("Running", "short", "Over all workers.", "sum(hermodr_tasks_running)"),
        number(
            "Waiting",
            "short",
            "For a worker, or for what they depend on.",
            f"sum(hermodr:jobs_waiting{{{_TASKS}}}) or vector(0)",
        ),
        number(
            "Without a worker",
            "short",
            "Of types that no worker has.",
            "max(hermodr_tasks_unserved)",
            yellow=1,
        ),
        number(
            "Failed within an hour",
            "short",
            "For good.",
            f'sum(increase(hermodr_jobs_finished_total{{{_TASKS}, status="failed"}}[1h]))',
            yellow=1,
            red=100,
        ),
    ],
)
_TYPES = Row(
    "By type",
    [
        graph(
            "Attempts",
            "ops",
            "That ended, by how.",
            {"{{type}} {{outcome}}": rate("hermodr_task_attempts_total", "type, outcome")},
            stacked=True,
        ),
        graph("Duration", "s", "Of attempts.", quantiles("hermodr_task_seconds", "type")),
        graph(
            "Work under way",
            "short",
            "What attempts that ended had taken, each second: as many workers' places are needed.",
            {"{{type}}": rate("hermodr_task_seconds_sum", "type")},
            stacked=True,
        ),
    ],
)
_WORKERS = Row(
    "Workers",
    [
        graph("Running", "short", "By worker.", {"{{instance}}": "hermodr_tasks_running"}, stacked=True),
        graph(
            "Ended",
            "ops",
            "Tasks, by how.",
            {"{{status}}": rate("hermodr_jobs_finished_total", "status", _TASKS)},
            stacked=True,
        ),
        graph(
            "Given to another worker",
            "ops",
            "Whose worker had died.",
            {"lost": rate("hermodr_reannounced_total", "", 'reason="task_lost"')},
        ),
    ],
)


def tasks() -> Dashboard:
    says = "What tasks do, by type, and whether there are workers enough."
    return board("tasks", "Hermodr: tasks", says, [_NOW, _TYPES, _WORKERS])
