from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from hermodr_sandbox.service import Sandbox


class SandboxCollector(Collector):
    """Counters fall to 0 when the mailbox is cleared, as after a restart."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def collect(self) -> Iterator[Metric]:
        box, traffic = self._sandbox.mailbox, self._sandbox.traffic
        counters = (
            ("hermodr_sandbox_mails", "Mails accepted", box.totals.mails),
            ("hermodr_sandbox_octets", "Octets of accepted mails", box.totals.octets),
            ("hermodr_sandbox_evicted", "Mails that made room for newer ones", box.totals.evicted),
            ("hermodr_sandbox_connections", "SMTP connections accepted", traffic.connections_total),
            ("hermodr_sandbox_commands_refused", "SMTP commands refused", traffic.commands_refused),
            ("hermodr_sandbox_faults_fired", "Times a fault rule fired", self._sandbox.faults.fired_total),
        )
        for name, text, value in counters:
            yield CounterMetricFamily(name, text, value=value)
        yield GaugeMetricFamily("hermodr_sandbox_mails_stored", "Mails kept now", value=len(box))
        yield GaugeMetricFamily("hermodr_sandbox_octets_stored", "Octets kept now", value=box.octets)
        yield GaugeMetricFamily(
            "hermodr_sandbox_connections_open", "SMTP connections open now", value=traffic.connections_open
        )
