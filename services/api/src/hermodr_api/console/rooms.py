"""The pages of the console, in the order in which their routes are tried."""

from hermodr_api.console import (
    again,
    editing,
    links,
    live,
    messages,
    nothing,
    operating,
    people,
    recipients,
    routes,
    scheduling,
    tasks,
    templating,
)

ROUTERS = tuple(
    each.router
    for each in (
        links,
        routes,
        messages,
        again,
        live,
        recipients,
        people,
        editing,
        templating,
        scheduling,
        tasks,
        operating,
        nothing,
    )
)
