"""The contract that every provider has to pass."""

from hermodr_delivery.testing.contract import ProviderContract
from hermodr_delivery.testing.server import Answer, ScriptedServer

__all__ = ["Answer", "ProviderContract", "ScriptedServer"]
