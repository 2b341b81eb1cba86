from typing import Any

from hermodr_contracts.channels import usual
from hermodr_contracts.topology import SERVED_KINDS
from hermodr_dispatcher.app import deciders_of


def test_served_kinds_are_those_with_a_decider() -> None:
    nothing: Any = None
    assert deciders_of(nothing, usual(), nothing, nothing).keys() == SERVED_KINDS
