"""The objective, 99.9 % of jobs completed over a month, and how fast its allowance is used up."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import Row, board, graph, number, rate

_ALLOWED = 0.001
_WINDOWS = ("5m", "30m", "1h", "6h")
_FAILED = 'hermodr_jobs_finished_total{status="failed"}'
_ALL = 'hermodr_jobs_finished_total{status=~"completed|failed"}'


def _failed_within(span: str) -> str:
    return f"(sum(increase({_FAILED}[{span}])) / (sum(increase({_ALL}[{span}])) > 0))"


def _sent_within(seconds: int) -> str:
    bucket = rate("hermodr_accept_to_sent_seconds_bucket", "", f'le="{seconds}.0"')
    return f"{bucket} / ({rate('hermodr_accept_to_sent_seconds_count')} > 0)"


_BUDGET = Row(
    "Objective: 99.9 % of jobs completed",
    [
        number(
            "Completed within an hour",
            "percentunit",
            "Of those that were to be done.",
            f"1 - {_failed_within('1h')}",
            yellow=0.999,
            red=0.99,
        ),
        number(
            "Completed within a day",
            "percentunit",
            "Of those that were to be done.",
            f"1 - {_failed_within('1d')}",
            yellow=0.999,
            red=0.99,
        ),
        number(
            "Completed within 30 days",
            "percentunit",
            "As far back as Prometheus remembers.",
            f"1 - {_failed_within('30d')}",
            yellow=0.999,
            red=0.99,
        ),
        number(
            "Allowance left",
            "percentunit",
            "Of 30 days' failures; below 0 the objective is missed.",
            f"1 - {_failed_within('30d')} / {_ALLOWED}",
            yellow=0.25,
            red=0,
        ),
    ],
)
_BURN = Row(
    "How fast the allowance burns",
    [
        graph(
            "Burn rate",
            "short",
            "1 uses a month's allowance up in a month; 14.4 within an hour is an alert.",
            {window: f"hermodr:jobs_failed:ratio_rate{window} / {_ALLOWED}" for window in _WINDOWS},
            width=24,
        ),
        graph(
            "Failed",
            "ops",
            "Jobs, by kind.",
            {"{{kind}}": rate("hermodr_jobs_finished_total", "kind", 'status="failed"')},
            stacked=True,
        ),
        graph(
            "Failed of those that were to be done",
            "percentunit",
            "By kind, over an hour.",
            {
                "{{kind}}": f"sum by (kind) (increase({_FAILED}[1h])) / (sum by (kind) (increase({_ALL}[1h])) > 0)"
            },
        ),
    ],
)
_SPEED = Row(
    "Speed",
    [
        graph(
            "Sent in time",
            "percentunit",
            "Share of what was sent that took no longer, from acceptance or the scheduled time.",
            {f"within {seconds} s": _sent_within(seconds) for seconds in (1, 10, 60)},
            width=24,
        ),
    ],
)


def objective() -> Dashboard:
    says = "Whether the objective holds, and how fast its allowance is used up."
    return board("objective", "Hermodr: objective", says, [_BUDGET, _BURN, _SPEED])
