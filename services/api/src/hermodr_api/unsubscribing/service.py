from hermodr_api.answers import patience
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import wishes
from hermodr_ledger.people.wishes import Standing
from hermodr_servicekit.links import Links, Unsubscribe


class Unsubscribing:
    """What `/u/{token}` does. `links` `None`: this installation has no `HERMODR_LINK_SECRET`."""

    def __init__(self, ledger: Ledger, links: Links | None) -> None:
        self._ledger = ledger
        self._links = links

    def known(self, token: str) -> Unsubscribe | None:
        return self._links.read(token) if self._links is not None else None

    async def standing(self, link: Unsubscribe) -> Standing | None:
        """`None` for somebody who was erased. Raises `LedgerUnavailable`."""
        async with patience():
            return await wishes.standing(self._ledger, *link, Channel.EMAIL)

    async def wish(self, link: Unsubscribe, *, enabled: bool) -> Standing | None:
        """How it stood before; nothing to do for somebody who was erased. Raises `LedgerUnavailable`."""
        async with patience(), self._ledger.transaction() as transaction:
            before = await wishes.standing(transaction, *link, Channel.EMAIL)
            changed = await wishes.set_one(transaction, *link, Channel.EMAIL, enabled=enabled)
            if changed:
                action = "recipient.subscribe" if enabled else "recipient.unsubscribe"
                by, detail = (
                    Actor("service", "unsubscribe-link"),
                    {"type": link.type, "channel": Channel.EMAIL},
                )
                await audit.record(transaction, link.project_id, by, action, link.recipient_id, detail)
            return before
