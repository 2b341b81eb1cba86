"""Every service as an operating system process of its own: started, watched, restarted, stopped."""

from hermodr_cli.supervisor.fleet import Fleet, NotReady
from hermodr_cli.supervisor.service import ServiceProcess
from hermodr_cli.supervisor.services import ALL, SANDBOX, ServiceSpec

__all__ = ["ALL", "SANDBOX", "Fleet", "NotReady", "ServiceProcess", "ServiceSpec"]
