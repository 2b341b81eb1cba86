import os
import subprocess

from tests.benchmarks import accounting
from tests.benchmarks.accounting import Account


def test_two_accounts_give_what_was_spent_in_between() -> None:
    before = Account({"api": 1.0, "sink": 2.0}, 10.0)
    after = Account({"api": 1.5, "sink": 2.0, "worker": 0.25}, 12.0)
    spent = after.since(before)
    assert spent.roles == {"api": 0.5, "sink": 0.0, "worker": 0.25}
    assert spent.machine == 2.0


def test_a_process_is_charged_with_the_children_that_ended() -> None:
    before = accounting.processor_seconds(os.getpid())
    subprocess.run(["python3", "-c", "sum(range(5_000_000))"], check=True)
    assert accounting.processor_seconds(os.getpid()) > before


def test_a_process_that_is_gone_costs_nothing_more() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert accounting.processor_seconds(process.pid) == 0
    assert accounting.resident_megabytes(process.pid) == 0


def test_this_process_has_a_size_and_the_machine_works() -> None:
    assert accounting.resident_megabytes(os.getpid()) > 1
    assert accounting.machine_busy_seconds() > 0
