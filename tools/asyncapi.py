"""Write down what goes over the broker: docs/asyncapi.json, which a test holds the code to.

FastStream generates it from the subscribers and publishers of all services, as they are without settings.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from faststream.specification import AsyncAPI

from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings
from hermodr_dispatcher.app import Dispatcher
from hermodr_dispatcher.settings import DispatcherSettings
from hermodr_email_sender.app import EmailSender
from hermodr_email_sender.settings import EmailSenderSettings
from hermodr_ledger.runtime import LedgerService
from hermodr_scheduler.app import Scheduler
from hermodr_scheduler.settings import SchedulerSettings

SNAPSHOT = Path(__file__).resolve().parent.parent / "docs" / "asyncapi.json"

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
    ]


def described() -> str:
    """The AsyncAPI document, laid out to be read and compared."""
    brokers = [each.broker.described() for each in services()]
    document = AsyncAPI(
        *brokers, title="Hermodr", version=version("hermodr-contracts"), description=DESCRIPTION
    ).to_specification()
    return json.dumps(json.loads(document.to_json()), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    SNAPSHOT.write_text(described(), encoding="utf-8")
    print(f"wrote {SNAPSHOT.name}: look at the diff before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
