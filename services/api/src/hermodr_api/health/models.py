from pydantic import BaseModel


class HealthView(BaseModel):
    """The health of the installation. `unhealthy`: nothing can be accepted."""

    status: str
    database: dict[str, object]
    broker: dict[str, object]
    circuit_breakers: dict[str, str]
    providers: dict[str, dict[str, object]]
    services: dict[str, dict[str, object]]
    warnings: list[str]


class BrokerHealthView(BaseModel):
    """The health of the broker, queue by queue."""

    status: str
    connected: bool
    queues: dict[str, dict[str, int]]
    warnings: list[str]
