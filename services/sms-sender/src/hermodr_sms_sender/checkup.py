"""`python -m hermodr_sms_sender.checkup`: what `hermodr doctor` is told, with the code and the settings that send, as a
JSON object: `providers` says whether each lets us in (`delivery.checkup`). Unusable settings end it with status 2 and a
message on standard error."""

import asyncio
import json

from hermodr_delivery.checkup import checkup
from hermodr_servicekit.settings import load
from hermodr_sms_sender.app import providers_of
from hermodr_sms_sender.settings import SmsSenderSettings


async def main() -> None:
    print(json.dumps({"providers": await checkup(providers_of(load(SmsSenderSettings)))}))


if __name__ == "__main__":
    asyncio.run(main())
