"""What is said about each warning of `/health`."""

from pathlib import Path
from typing import get_args

import pytest

from hermodr_api.health.wrong import ADVICE, Code

RUNBOOK = (Path(__file__).resolve().parents[3] / "docs" / "runbook.md").read_text()


def test_every_warning_has_advice() -> None:
    assert set(ADVICE) == set(get_args(Code))


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_it_leads_to_words_of_the_runbook(code: Code) -> None:
    assert ADVICE[code].runbook in RUNBOOK
    assert ADVICE[code].do
    assert ADVICE[code].does
