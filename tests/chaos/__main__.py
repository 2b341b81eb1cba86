"""`make chaos MINUTES=5 SEED=7 JSON=file ARGS="--only kill freeze --shrink"`.

Exit status 0: sound. 1: something accepted was lost, doubled without a reason, or did not end. 3: no verdict, because
the machine was too busy for the harness itself.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.chaos import disks, skew
from tests.chaos.experiment import perform
from tests.chaos.faults import CATALOGUE, Fault, dumped, halves, loaded, sequence
from tests.chaos.report import Report, Verdict, document, show
from tests.support import faketime
from tests.support.interruption import interruptible

STATUS = {Verdict.SOUND: 0, Verdict.UNSOUND: 1, Verdict.STARVED: 3}
STYLE = {Verdict.SOUND: "bold green", Verdict.UNSOUND: "bold red", Verdict.STARVED: "bold yellow"}
console = Console(soft_wrap=True, highlight=False)


def main() -> int:
    options = arguments().parse_args()
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    if options.faults:
        faults = loaded(options.faults.read_text(encoding="utf-8"))
        possible(sorted({fault.kind for fault in faults}))
    else:
        faults = sequence(seed, options.minutes * 60, possible(options.only))
    if not faults:
        raise SystemExit("no fault fits into that: nothing would be proved")
    if any(fault.kind == "ledger-disk-full" for fault in faults):
        disks.of_our_own()
    report, logs = once(faults, seed, options.rate, options.attack)
    if options.json:
        options.json.write_text(json.dumps(document(report), indent=1) + "\n", encoding="utf-8")
    console.print(f"\n{report.verdict}", style=STYLE[report.verdict])
    if report.verdict is Verdict.SOUND:
        if options.keep:
            console.print(f"logs in {logs}")
        else:
            shutil.rmtree(logs)
        console.print(
            "nothing lost, nothing doubled, nothing stuck"
            + ("" if options.keep else "; its logs are deleted (ARGS=--keep keeps them)")
        )
        return STATUS[report.verdict]
    console.print(f"seed {seed}; logs and the sequence of faults are in {logs}")
    plain("", "the sequence:", *map(str, faults), "", *report.complaints)
    if options.shrink:
        shrunk = shrink(faults, seed, options.rate)
        plain("", "the shortest sequence found that does it:", *map(str, shrunk))
        (logs / "shrunk.json").write_text(dumped(shrunk), encoding="utf-8")
    console.print(f"\nagain: make chaos SEED={seed} ARGS='--faults {logs / 'faults.json'}'")
    return STATUS[report.verdict]


def possible(wanted: Sequence[str]) -> list[str]:
    """The kinds of fault that can be done here, after installing what they need; the others are named."""
    kinds = wanted or tuple(CATALOGUE)
    lacking = {}
    if set(kinds) & set(skew.KINDS) and faketime.installed(plain) is None:
        lacking = dict.fromkeys(skew.KINDS, faketime.WITHOUT_IT)
    if not disks.possible():
        lacking["ledger-disk-full"] = "needs root, who alone may mount"
    for kind in kinds:
        if kind in lacking:
            plain(f"left out: {kind}, {lacking[kind]}")
    return [kind for kind in kinds if kind not in lacking]


def once(faults: Sequence[Fault], seed: int, rate: int, attack: float = 0.0) -> tuple[Report, Path]:
    """The report and the folder of its logs."""
    logs = Path(tempfile.mkdtemp(prefix=f"hermodr-chaos-{seed}-", dir="/var/tmp"))
    (logs / "faults.json").write_text(dumped(faults), encoding="utf-8")
    plain(f"seed {seed}, {len(faults)} faults, about {rate} mails/s; logs in {logs}")
    report = perform(
        faults, seed=seed, rate=rate, logs=logs, say=plain, progress=progress, attack_seconds=attack
    )
    show(console, report)
    return report, logs


def shrink(faults: Sequence[Fault], seed: int, rate: int) -> Sequence[Fault]:
    """Halves of the sequence, as long as one of them fails too; chance plays a part."""
    for half in halves(faults):
        report, _ = once(half, seed, rate)
        if report.verdict is Verdict.UNSOUND:
            return shrink(half, seed, rate)
    return faults


def plain(*lines: str) -> None:
    """Without markup."""
    for line in lines:
        if console.is_terminal:
            console.file.write("\x1b[2K")  # what the progress line left
        console.print(line, markup=False)


def _file(name: str) -> Path:
    if not (path := Path(name)).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    return path


def progress(line: str) -> None:
    """On a terminal only, always in the same place."""
    if console.is_terminal:
        console.file.write("\x1b[2K")
        console.print(line[: console.width - 1], end="\r", style="dim", markup=False)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--seed", type=int, help="the same seed, the same faults; a random one if none is given"
    )
    parser.add_argument("--rate", type=int, default=30, help="mails a second")
    parser.add_argument(
        "--only", nargs="+", default=(), choices=sorted(CATALOGUE), metavar="KIND", help=", ".join(CATALOGUE)
    )
    parser.add_argument("--faults", type=_file, help="a sequence of faults to play again")
    parser.add_argument("--shrink", action="store_true", help="after a failure, look for a shorter sequence")
    parser.add_argument("--keep", action="store_true", help="keep the logs of a run that was sound, too")
    parser.add_argument(
        "--attack", type=float, default=20.0, metavar="SECONDS", help="how long another project attacks first"
    )
    parser.add_argument("--json", type=Path, help="the report for machines")
    return parser


if __name__ == "__main__":
    sys.exit(interruptible(main))
