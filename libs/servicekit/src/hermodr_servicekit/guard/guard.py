"""Decides whether a URL may be called, and at which addresses."""

from hermodr_servicekit.guard.addresses import Address, Networks, is_among, is_public
from hermodr_servicekit.guard.names import Names, resolve
from hermodr_servicekit.guard.targets import Refused, Target, read_target


class Guard:
    """Lets through what is public and spoken to by TLS, and whatever lies in an `allowed` network."""

    def __init__(self, allowed: Networks = (), names: Names = resolve) -> None:
        self._allowed = allowed
        self._names = names

    async def check(self, url: str) -> Target:
        """For whoever stores a URL. Raises `Refused`. Who calls it asks again: names change their addresses."""
        target = read_target(url)
        await self.addresses(target)
        return target

    async def addresses(self, target: Target) -> tuple[Address, ...]:
        """Where it may be reached: at these and at no others. All of the name's addresses have to be permitted, since a
        name that has both a public address and ours means no good. Raises `Refused`."""
        if target.address is not None:
            found: tuple[Address, ...] = (target.address,)
        else:
            found = await self._names(target.host)
        for each in found:
            if is_among(each, self._allowed):
                continue
            if not is_public(each):
                raise Refused("forbidden_address", "the host is not on the public internet")
            if target.plain:
                raise Refused("plain_http", "the URL does not begin with https://")
        return found
