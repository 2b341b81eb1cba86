"""RabbitMQ's definitions are those of the topology, and the policies reach each queue once."""

import re

import definitions
from hermodr_contracts.broker_policies import MOST_REDELIVERIES, policies
from hermodr_contracts.broker_rights import whole
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Priority

PREFIX = "shop.eu"


def test_the_file_is_the_one_written_down() -> None:
    known = definitions.SNAPSHOT.read_text(encoding="utf-8")
    assert known == definitions.described(), "if this is on purpose: make openapi"


def test_each_queue_has_one_policy_and_others_have_none() -> None:
    for spec in whole(PREFIX).queues:
        found = [each.name for each in policies(PREFIX) if re.search(each.pattern, spec.queue.name)]
        kind = "dead" if spec.consumer == "scheduler" else "retry" if spec.consumer is None else "work"
        assert found == [f"{PREFIX}-{kind}"]
    stranger = Topology("shopXeu").job_queue(Priority.NORMAL).queue.name
    for name in (stranger, f"{PREFIX}.events.api.{'0' * 32}", f"my.{PREFIX}.jobs.normal"):
        assert not any(re.search(each.pattern, name) for each in policies(PREFIX)), name


def test_only_queues_that_refuse_move_messages_surely() -> None:
    """RabbitMQ ignores at-least-once elsewhere."""
    for each in policies(PREFIX):
        assert each.definition["overflow"] == "reject-publish"
    work = next(each for each in policies(PREFIX) if each.name.endswith("-work"))
    assert work.definition["delivery-limit"] == MOST_REDELIVERIES
