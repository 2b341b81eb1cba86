"""`python -m hermodr_email_sender.checkup`: what `hermodr doctor` is told, with the code and the settings that send, as
a JSON object: `providers` says whether each lets us in (`delivery.checkup`), `dkim` what DNS should hold for each
domain that mails come from: the TXT record of each selector, or `null` for a provider's own. Unusable settings end it
with status 2 and a message on standard error."""

import asyncio
import json
from collections.abc import Sequence

from hermodr_delivery.checkup import checkup
from hermodr_email_sender.app import keys_of, providers_of
from hermodr_email_sender.dkim_signing import DkimKey, domain_of
from hermodr_email_sender.providers.dsns import EmailProvider
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_servicekit.settings import load

Records = dict[str, dict[str, str | None]]


def expected_records(providers: Sequence[EmailProvider], keys: Sequence[DkimKey]) -> Records:
    """The keys' own domains, and those of the providers' senders, whose key may be that of a domain above."""
    records: Records = {}
    for provider in providers:
        records.setdefault(domain_of(provider.sender.address), {}).update(dict.fromkeys(provider.selectors))
    for key in keys:
        records.setdefault(key.domain, {})[key.selector] = key.record
    return records


async def main() -> None:
    settings = load(EmailSenderSettings)
    providers = providers_of(settings)
    answers = await checkup(providers)
    print(json.dumps({"providers": answers, "dkim": expected_records(providers, keys_of(settings))}))


if __name__ == "__main__":
    asyncio.run(main())
