from hermodr_contracts.channels import served, usual, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel


def email_topology(prefix: str = "hermodr", ladder: str = "10s") -> Topology:
    return topology(prefix, ladder)


def topology(prefix: str, ladder: str, channels: str | None = None) -> Topology:
    """`channels` as in `HERMODR_CHANNELS`; `ladder` is email's, others have the registry's."""
    known = served(channels) if channels else usual()
    return Topology(prefix, with_ladder(known, Channel.EMAIL, parse_ladder(ladder)))
