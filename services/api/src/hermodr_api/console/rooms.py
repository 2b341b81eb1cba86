"""The pages of the console, in the order in which their routes are tried."""

from hermodr_api.console import links, making, messages, nothing, operating, people, recipients, routes

ROUTERS = tuple(
    each.router for each in (links, routes, messages, recipients, people, making, operating, nothing)
)
