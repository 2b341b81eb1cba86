"""Who is not a verified sender of a project."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_api.errors import Flaw, invalid
from hermodr_api.senders.models import MailDefaultsIn
from hermodr_contracts.addresses import mailbox

Strangers = Callable[[UUID, Sequence[str]], Awaitable[set[str]]]
"""Those of the addresses that mails of the project may not be from."""


def not_a_sender(address: str, at: tuple[str | int, ...]) -> Flaw:
    return Flaw((*at, "from"), f"{address} is not a verified sender of the project (see /v1/senders)")


async def refuse_stranger(project_id: UUID, wanted: MailDefaultsIn, strangers: Strangers) -> None:
    """Raises `Refused` for a default that is not a verified sender, and `LedgerUnavailable`."""
    if wanted.sender is None:
        return
    address = mailbox(wanted.sender)[1]
    async with patience():
        if await strangers(project_id, [address]):
            raise invalid(not_a_sender(address, ("body",)))
