"""The command: `make chaos MINUTES=5 SEED=7 ARGS="--only kill freeze --shrink"`.

Exit status 1 if anything accepted was lost, doubled without a reason, or did not end.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.experiment import perform
from tests.chaos.faults import CATALOGUE, Fault, dumped, halves, loaded, sequence
from tests.chaos.report import Report, table


def main() -> int:
    options = arguments().parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    if options.faults:
        faults = loaded(options.faults.read_text(encoding="utf-8"))
    else:
        faults = sequence(seed, options.minutes * 60, options.only)
    report, logs = once(faults, seed, options.rate)
    if report.sound:
        shutil.rmtree(logs)
        print("\nnothing lost, nothing doubled, nothing stuck")
        return 0
    print(f"\nNOT SOUND. Seed {seed}; logs and the sequence of faults are in {logs}")
    print("\n".join(["", "the sequence:", *map(str, faults), ""]))
    print("\n".join(report.complaints))
    if options.shrink:
        shrunk = shrink(faults, seed, options.rate)
        print("\n".join(["", "the shortest sequence found that does it:", *map(str, shrunk)]))
    print(f"\nagain: make chaos SEED={seed} ARGS='--faults {logs / 'faults.json'}'")
    return 1


def once(faults: Sequence[Fault], seed: int, rate: int) -> tuple[Report, Path]:
    """One run, told as it goes; what it showed and the folder of its logs."""
    logs = Path(tempfile.mkdtemp(prefix=f"hermodr-chaos-{seed}-", dir="/var/tmp"))
    (logs / "faults.json").write_text(dumped(faults), encoding="utf-8")
    say(f"seed {seed}, {len(faults)} faults, about {rate} mails/s; logs in {logs}")
    report = perform(faults, seed=seed, rate=rate, logs=logs, say=say)
    print(table(report), flush=True)
    return report, logs


def shrink(faults: Sequence[Fault], seed: int, rate: int) -> Sequence[Fault]:
    """Halves of the sequence, as long as one of them does it too. Chance has a part in it: no proof of the rest."""
    for half in halves(faults):
        report, _ = once(half, seed, rate)
        if not report.sound:
            return shrink(half, seed, rate)
    return faults


def say(text: str) -> None:
    print(text, flush=True)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--seed", type=int, help="the same seed, the same faults; a random one if none is given"
    )
    parser.add_argument("--rate", type=int, default=30, help="mails a second")
    parser.add_argument("--only", nargs="+", default=(), choices=sorted(CATALOGUE), metavar="KIND")
    parser.add_argument("--faults", type=Path, help="a sequence of faults to play again")
    parser.add_argument("--shrink", action="store_true", help="after a failure, look for a shorter sequence")
    return parser


if __name__ == "__main__":
    sys.exit(main())
