"""The address book and its addresses, put together."""

from hermodr_api.addresses.notes import AddressNotes, Preparing
from hermodr_api.addresses.service import Addresses
from hermodr_api.notifications.directory import Directory
from hermodr_api.recipients.service import Recipients
from hermodr_api.recipients.upserting import Upserting
from hermodr_api.recipients.webhook_urls import WebhookUrls
from hermodr_api.shared import Shared
from hermodr_servicekit.links import Links


def address_book_of(
    shared: Shared, webhook_urls: WebhookUrls, directory: Directory, bulk: Preparing, links: Links | None
) -> list[object]:
    """`links`: with which a changed address is confirmed."""
    addresses = Addresses(
        shared.cold,
        shared.repeatable,
        AddressNotes(directory, bulk, shared.brand_names),
        links,
        shared.announcer,
        shared.count,
        shared.quotas,
    )
    return [
        Recipients(shared.cold, shared.repeatable, shared.clock, webhook_urls, addresses, shared.exports),
        addresses,
        Upserting(shared.many, webhook_urls),
        webhook_urls,
    ]
