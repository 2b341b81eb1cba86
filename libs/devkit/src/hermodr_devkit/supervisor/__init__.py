from hermodr_devkit.supervisor.fleet import Fleet, NotReady
from hermodr_devkit.supervisor.service import ServiceProcess
from hermodr_devkit.supervisor.services import ALL, SANDBOX, SMS_SENDER, WEBHOOK_SENDER, ServiceSpec

__all__ = [
    "ALL",
    "SANDBOX",
    "SMS_SENDER",
    "WEBHOOK_SENDER",
    "Fleet",
    "NotReady",
    "ServiceProcess",
    "ServiceSpec",
]
