"""Write down what goes over the broker: docs/asyncapi.json, which a test holds the code to.

FastStream generates it from the subscribers and publishers of all services, as they are without settings.
"""

import json
import re
import sys
from importlib.metadata import version
from typing import Any

from faststream.specification import AsyncAPI

import snapshot
from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings
from hermodr_dispatcher.app import Dispatcher
from hermodr_dispatcher.settings import DispatcherSettings
from hermodr_email_sender.app import EmailSender
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_ledger.runtime import LedgerService
from hermodr_scheduler.app import Scheduler
from hermodr_scheduler.settings import SchedulerSettings
from hermodr_sms_sender.app import SmsSender
from hermodr_sms_sender.settings import SmsSenderSettings

SNAPSHOT = snapshot.DOCS / "asyncapi.json"

DESCRIPTION = (
    "Messages between the services. They carry ids of rows that want work, never content or addresses."
    " Every message has the AMQP property `type`, the header `schema_version`, and a JSON body."
)


def services() -> list[LedgerService[Any]]:
    """All that are on the broker. Building them connects to nothing."""
    return [
        Api(ApiSettings()),
        Dispatcher(DispatcherSettings()),
        Scheduler(SchedulerSettings()),
        EmailSender(EmailSenderSettings()),
        SmsSender(SmsSenderSettings()),
    ]


def described() -> str:
    """The AsyncAPI document, laid out to be read and compared."""
    brokers = [each.broker.described() for each in services()]
    document = AsyncAPI(
        *brokers, title="Hermodr", version=version("hermodr-contracts"), description=DESCRIPTION
    ).to_specification()
    named = re.sub(r"(events\.[a-z-]+)\.[0-9a-f]{32}", r"\1.{connection}", document.to_json())
    described: dict[str, Any] = json.loads(named)
    for part in (described, described["components"]):
        for name in ("channels", "operations", "messages"):
            if name in part:
                part[name] = dict(sorted(part[name].items()))
    return snapshot.laid_out(described)


def main() -> int:
    return snapshot.write(SNAPSHOT, described())


if __name__ == "__main__":
    sys.exit(main())
