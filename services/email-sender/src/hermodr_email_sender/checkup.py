"""`python -m hermodr_email_sender.checkup`: does every provider let us in? For `hermodr doctor`, which so asks with the
very code and settings that send. Nothing is sent.

Prints a JSON array, an object for each provider: `name`, `place`, `ok`, and `detail`, which holds no credential. Ends
with status 2 and a sentence on standard error when the settings cannot be.
"""

import asyncio
import json

from hermodr_delivery.failures import DeliveryFailure
from hermodr_email_sender.app import providers_of
from hermodr_email_sender.providers.dsns import EmailProvider
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_servicekit.settings import load


async def examined(provider: EmailProvider) -> dict[str, object]:
    """What became of connecting, greeting, encrypting and logging in."""
    try:
        detail, ok = await provider.check(), True
    except DeliveryFailure as failure:
        detail, ok = str(failure), False
    return {"name": provider.name, "place": provider.place, "ok": ok, "detail": detail}


async def main() -> None:
    """All of them, side by side."""
    providers = providers_of(load(EmailSenderSettings))
    print(json.dumps(await asyncio.gather(*map(examined, providers))))


if __name__ == "__main__":
    asyncio.run(main())
