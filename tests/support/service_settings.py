import importlib

from hermodr_devkit.supervisor import ServiceSpec
from hermodr_devkit.supervisor.identities import service_of
from hermodr_servicekit.settings import ServiceSettings


def settings_of(spec: ServiceSpec) -> type[ServiceSettings]:
    """What the service reads."""
    inside = vars(importlib.import_module(f"{spec.module}.settings")).values()
    classes = [each for each in inside if isinstance(each, type) and issubclass(each, ServiceSettings)]
    return next(cls for cls in classes if getattr(cls, "service", None) == service_of(spec))
