from hermodr_devkit.supervisor import SANDBOX, ServiceSpec
from tests.chaos.faults import Fault
from tests.support.installation import MAIL_SERVICES

SECONDS = ("dispatcher", "scheduler", "email-sender")
SPECS = (
    *MAIL_SERVICES,
    *(
        ServiceSpec(f"{spec.name}-2", spec.module, spec.port_offset + 10)
        for spec in MAIL_SERVICES
        if spec.name in SECONDS
    ),
)
STEADY = tuple(spec.name for spec in MAIL_SERVICES if spec.name != SANDBOX.name)
"""Services that are never killed, whose memory must not grow."""
ROUND: tuple[tuple[str, str, float], ...] = (
    ("kill", "email-sender-2", 1),
    ("ledger-terminate", "backends", 0),
    ("kill", "dispatcher-2", 1),
    ("broker-kill", "broker", 2),
    ("kill", "scheduler-2", 1),
    ("freeze", "email-sender-2", 10),
    ("ledger-restart", "fast", 2),
    ("queues-purged", "all", 0),
    ("messages-repeated", "all", 4),
    ("broker-alarm", "memory", 5),
)
ROUNDS = 2
"""How often each comes in a run."""
LEAST_PAUSE = 15.0


def wear(seconds: float) -> list[Fault]:
    """Evenly over the run, the last one early enough to recover from."""
    pause = max(LEAST_PAUSE, seconds / (len(ROUND) * ROUNDS + 1))
    moments = [pause * number for number in range(1, len(ROUND) * ROUNDS + 1)]
    return [
        Fault(round(at, 1), *ROUND[index % len(ROUND)])
        for index, at in enumerate(moments)
        if at < seconds - LEAST_PAUSE / 2
    ]
