"""The API's settings."""

from typing import ClassVar

from hermodr_servicekit.settings import ServiceSettings


class ApiSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "api"
    port_offset: ClassVar[int] = 0
