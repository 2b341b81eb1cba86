from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.doctor.finding import Finding, State
from hermodr_cli.doctor.run import healthy
from hermodr_cli.remote.showing import in_json

_STYLES = {State.OK: "bold green", State.WARNING: "bold yellow", State.FAILED: "bold red"}
_MARKS = {State.OK: "✓", State.WARNING: "!", State.FAILED: "✗"}
_ASCII_MARKS = {State.OK: "ok", State.WARNING: "!", State.FAILED: "XX"}


def table(findings: Sequence[Finding], *, ascii_only: bool = False) -> RenderableType:
    """A line for each finding, remedies below those that need one, and the verdict."""
    marks, arrow = (_ASCII_MARKS, "->") if ascii_only else (_MARKS, "→")
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    for _ in range(4):
        drawn.add_column(overflow="fold")
    area = ""
    for finding in findings:
        text = Text(finding.text)
        if finding.remedy:
            text.append(f"\n{arrow} {finding.remedy}", "cyan")
        name = Text(finding.area if finding.area != area else "", "bold")
        drawn.add_row(Text(marks[finding.state], _STYLES[finding.state]), name, finding.check, text)
        area = finding.area
    return Group(drawn, _verdict(findings))


def document(findings: Sequence[Finding]) -> str:
    """One JSON document: `{"healthy", "findings": [{"area", "check", "state", "text", "remedy"}]}`."""
    content = {"healthy": healthy(findings), "findings": [asdict(each) for each in findings]}
    return in_json(content, ascii_only=True)


def _verdict(findings: Sequence[Finding]) -> Text:
    failed = sum(each.state is State.FAILED for each in findings)
    warnings = sum(each.state is State.WARNING for each in findings)
    told = output.counted(warnings, "warning")
    if failed:
        return Text(f"{failed} of {len(findings)} checks failed, {told}", "bold red")
    if warnings:
        return Text(f"nothing failed; {told}", "bold yellow")
    return Text("all is well", "bold green")
