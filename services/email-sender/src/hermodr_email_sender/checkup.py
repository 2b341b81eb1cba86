"""`python -m hermodr_email_sender.checkup`: whether every provider lets us in, for `hermodr doctor`, with the code and
the settings that send. Unusable settings end it with status 2 and a message on standard error."""

import asyncio

from hermodr_delivery.checkup import checkup
from hermodr_email_sender.app import providers_of
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_servicekit.settings import load

if __name__ == "__main__":
    print(asyncio.run(checkup(providers_of(load(EmailSenderSettings)))))
