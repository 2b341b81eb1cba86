from hermodr_contracts.channels import usual, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel


def email_topology(prefix: str = "hermodr", ladder: str = "10s") -> Topology:
    return Topology(prefix, with_ladder(usual(), Channel.EMAIL, parse_ladder(ladder)))
