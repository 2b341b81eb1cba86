"""`python -m hermodr_email_sender.checkup`: does every provider let us in? For `hermodr doctor`, which so asks with the
very code and settings that send (`hermodr_delivery.checkup`).

Ends with status 2 and a sentence on standard error when the settings cannot be.
"""

import asyncio

from hermodr_delivery.checkup import checkup
from hermodr_email_sender.app import providers_of
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_servicekit.settings import load

if __name__ == "__main__":
    print(asyncio.run(checkup(providers_of(load(EmailSenderSettings)))))
