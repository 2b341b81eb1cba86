from typing import Any

from hermodr_contracts.channels import usual
from hermodr_contracts.topology import SERVED_KINDS
from hermodr_dispatcher.app import deciders_of
from hermodr_dispatcher.kinds.task import Tasks


async def test_every_kind_that_is_announced_has_a_decider_and_the_others_wait() -> None:
    nothing: Any = None
    deciders = deciders_of(nothing, usual(), nothing, nothing)
    assert deciders.keys() >= SERVED_KINDS
    assert {kind for kind, decider in deciders.items() if not isinstance(decider, Tasks)} == SERVED_KINDS
    some: Any = [object()]
    assert await Tasks().decide(some) == ()
