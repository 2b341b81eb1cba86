"""The rooms of the api, in the order of its description."""

from hermodr_api.addresses import routes as addresses
from hermodr_api.api_keys import routes as api_keys
from hermodr_api.audit import routes as audit
from hermodr_api.auto_syncs import routes as auto_syncs
from hermodr_api.bulk_actions import routes as bulk_actions
from hermodr_api.connections import routes as connections
from hermodr_api.console import rooms as console
from hermodr_api.dead_letters import routes as dead_letters
from hermodr_api.digests import routes as digests
from hermodr_api.files import routes as files
from hermodr_api.groups import routes as groups
from hermodr_api.health import routes as health
from hermodr_api.imports import routes as imports
from hermodr_api.inbox import routes as inbox
from hermodr_api.jobs import routes as jobs
from hermodr_api.members import routes as members
from hermodr_api.preference_page import routes as preference_page
from hermodr_api.previews import routes as previews
from hermodr_api.projects import logos
from hermodr_api.projects import routes as projects
from hermodr_api.providers import routes as providers
from hermodr_api.queues import routes as queues
from hermodr_api.realtime import routes as realtime
from hermodr_api.receipts import routes as receipts
from hermodr_api.recipients import routes as recipients
from hermodr_api.reference import routes as reference
from hermodr_api.schedules import routes as schedules
from hermodr_api.senders import routes as senders
from hermodr_api.suppressions import routes as suppressions
from hermodr_api.tasks import routes as tasks
from hermodr_api.templates import routes as templates
from hermodr_api.updates import routes as updates
from hermodr_api.user_tokens import routes as user_tokens
from hermodr_api.webhooks import routes as webhooks

_ROOMS = (
    jobs,
    bulk_actions,
    dead_letters,
    queues,
    providers,
    receipts,
    tasks,
    schedules,
    realtime,
    connections,
    files,
    inbox,
    imports,
    recipients,
    addresses,
    suppressions,
    senders,
    webhooks,
    projects,
    logos,
    groups,
    members,
    updates,
    digests,
    auto_syncs,
    previews,
    templates,
    api_keys,
    user_tokens,
    audit,
    preference_page,
    health,
    reference,
)
ROUTERS = (*(room.router for room in _ROOMS), *console.ROUTERS)
