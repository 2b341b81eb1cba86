"""The table of rights: which service's role may do what to which table. Nothing else is granted to them.

`s` SELECT, `i` INSERT, `u` UPDATE of all columns but those that say which row it is and whose, `d` DELETE; `-` none of
it. Tables of which fewer columns may be updated or read are in `columns`. Services name partitioned tables only, never
a week. The views are for people who speak SQL, so no service has a right to one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hermodr_ledger.rights.columns import COLUMNS, READ, changeable

_TABLES = """
                       api   dispatcher scheduler email_sender sms_sender webhook_channel webhook_sender      worker
accepted_days          siu   -          siud      -            -          -               -                   -
accepted_elsewhere     si    i          sid       -            -          -               -                   -
api_key_uses           siu   -          -         -            -          -               -                   -
api_keys               siu   -          -         -            -          -               -                   -
attachments            sid   sid        si        s            -          -               -                   -
attempts               si    i          si        si           si         si              -                   -
audit_log              si    -          si        -            -          i               i                   -
auto_sync_reminders    s     si         s         -            -          -               -                   -
auto_sync_responses    siu   s          s         -            -          -               -                   -
auto_syncs             siud  su         sud       -            -          -               -                   -
batches                si    si         si        -            -          -               -                   -
bulk_actions           siu   -          sud       -            -          -               -                   -
cap_places             s     siud       s         -            -          -               -                   -
change_listeners       siud  s          sud       s            s          s               -                   s
changes                si    i          siud      i            i          i               -                   i
connection_schemas     s     -          -         -            -          -               -                   siu
connections            siud  -          -         -            -          -               -                   s
console_sessions       sid   -          d         -            -          -               -                   -
dead_letters           siud  si         siu       si           si         si              -                   si
deliveries             s     si         s         s            s          s               -                   -
digest_runs            si    su         siud      -            -          -               -                   -
digest_schedules       siud  s          su        -            -          -               -                   -
digest_updates         s     si         sud       -            -          -               -                   -
early_receipts         si    -          siud      -            -          -               -                   -
escalations            sd    siud       sd        -            -          -               -                   -
event_windows          su    siud       sud       -            -          -               -                   -
events                 siu   siu        si        -            -          -               -                   si
files                  siu   -          sd        -            -          -               -                   siu
group_members          siud  s          s         -            -          -               -                   -
groups                 siud  s          s         -            -          -               -                   -
idempotency_keys       siu   si         sid       -            -          -               -                   -
import_progress        -     -          -         -            -          -               -                   siu
inbox                  sud   si         sd        -            -          -               -                   -
job_standings          s     -          sd        -            -          -               -                   -
jobs                   si    si         si        s            s          s               -                   s
lane_rates             s     s          s         siud         siud       siud            -                   -
mailboxes              s     -          siud      -            -          -               -                   -
open_sockets           siud  -          -         -            -          -               -                   -
pauses                 siu   s          sd        s            s          s               -                   -
pending_addresses      siud  s          sud       -            -          -               -                   -
person_sessions        sid   -          d         -            -          -               -                   -
project_quotas         siu   -          s         -            -          -               -                   -
project_usage          s     s          siu       -            -          -               -                   -
projects               su    s          s         -            -          -               -                   -
provider_budgets       -     -          -         siu          siu        siu             -                   -
provider_limits        s     -          s         siud         siud       siud            -                   -
rate_buckets           siud  -          sd        -            -          -               -                   -
recipients             siud  s          s         -            -          -               -                   si
retry_ladder           -     -          siud      -            -          -               -                   -
revoked_users          siu   -          -         -            -          -               -                   -
schedule_runs          siu   -          siud      -            -          -               -                   -
schedules              siud  -          su        -            -          -               -                   -
schema_version         s     s          s         s            s          s               s                   s
senders                siud  -          -         s            -          -               -                   -
service_heartbeats     siud  siud       siud      siud         siud       siud            siud                siud
set_aside              siud  siud       siud      siud         siud       siud            -                   -
signing_keys           siu   -          -         -            -          -               -                   -
singletons             siud  sd         siud      sd           sd         sd              -                   sd
stored_parts           -     -          siu       -            -          -               -                   -
stored_until           -     -          su        -            -          -               -                   -
stored_walks           -     -          siu       -            -          -               -                   -
stored_weeks           -     -          siud      -            -          -               -                   -
suppression_key        s     s          s         s            s          s               -                   -
suppressions           siud  s          siud      si           si         si              -                   -
task_attempts          su    s          sid       -            -          -               -                   si
task_dependencies      s     sid        sd        -            -          -               -                   sd
task_endings           i     i          sid       -            -          -               -                   -
task_logs              sd    -          sd        -            -          -               -                   i
task_types             s     -          sd        -            -          -               -                   siu
tasks                  sud   siu        siud      -            -          -               -                   siud
template_contents      si    s          su        s            s          s               -                   -
templates              siud  s          s         s            s          s               -                   -
time_zones             s     s          s         -            -          -               -                   -
update_reads           sid   s          si        -            -          -               -                   -
updates                siud  s          s         -            -          -               -                   -
waiting_counted        s     -          u         -            -          -               -                   -
webhook_attempts       s     -          s         -            -          siu             siu                 -
webhook_endpoints      siud  -          s         -            -          s               s                   -
webhook_messages       siud  -          siud      -            -          si              si                  -
webhook_turns          siud  -          siud      -            -          siu             siu                 -
whatsapp_windows       siud  -          sd        -            sd         -               -                   -
window_events          s     siud       su        -            -          -               -                   -
"""

_SEQUENCES: Mapping[str, str] = {"changes_seq": "changes", "events_seq": "events"}
"""Who may add to the table may take its next number, and who may read it may see the last one."""

_OF_SEQUENCES = {"INSERT": "USAGE", "SELECT": "SELECT"}

_WITH_THE_OWNERS_RIGHTS: Mapping[str, tuple[str, ...]] = {
    "make_week": ("scheduler",),
    "drop_week": ("scheduler",),
    "weeks_missing": ("scheduler",),
    "weeks_over": ("scheduler",),
    "pseudonymise_audit_log": ("api",),
    "forget_tasks": ("scheduler",),
    "named_project": (),
    "create_digest_jobs": (),
    "cleanup_notification_data": (),
    "calculate_next_retry": (),
    "enqueue_task": (),
    "enqueue_notification_job": (),
    "queue_notification": (),
    "update_notification_status": (),
}
"""Functions that run with the rights of the tables' owner, and the services that call them. All others run with those
of the caller, give nobody anything, and may be called by every service."""

_SENDERS = ("email_sender", "sms_sender", "webhook_channel")
_NO_TASK, _TASK = "(kind <> 'task'::text)", "(kind = 'task'::text)"

CHANGED: Mapping[tuple[str, str], str] = {
    ("email_sender", "deliveries"): "(channel = 'email'::text)",
    ("sms_sender", "deliveries"): "(channel = ANY (ARRAY['sms'::text, 'whatsapp'::text]))",
    ("webhook_channel", "deliveries"): "(channel = 'webhook'::text)",
    ("email_sender", "jobs"): _NO_TASK,
    ("sms_sender", "jobs"): _NO_TASK,
    ("webhook_channel", "jobs"): _NO_TASK,
    ("worker", "jobs"): _TASK,
    **{(role, "attempts"): "(outcome = 'unknown'::text)" for role in _SENDERS},
    **{(role, "suppressions"): "true" for role in _SENDERS},
    ("email_sender", "dead_letters"): "(queue = 'email.dead'::text)",
    ("sms_sender", "dead_letters"): "(queue = ANY (ARRAY['sms.dead'::text, 'whatsapp.dead'::text]))",
    ("webhook_channel", "dead_letters"): "(queue = 'webhook.dead'::text)",
}
"""By role and table the rows that a role may change, if not all. Written as the server does, which is compared."""

BECOMES: Mapping[tuple[str, str], str] = {
    **{(role, "suppressions"): "(expires_at IS NULL)" for role in _SENDERS},  # nobody is written to again
}
"""What a row has to be once such a role has changed it. Only where a column of the condition can be changed: a check
costs as much as the condition."""

_VERBS = {"s": "SELECT", "i": "INSERT", "u": "UPDATE", "d": "DELETE"}


@dataclass(frozen=True, order=True, slots=True)
class Right:
    """`role` without the installation's prefix. `column`: None for the whole table, sequence or function."""

    role: str
    kind: str
    """table, sequence or function"""
    name: str
    privilege: str
    column: str | None = None


def _rows() -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    roles, *lines = (tuple(line.split()) for line in _TABLES.strip().splitlines())
    return roles, {line[0]: line[1:] for line in lines}


ROLES, _LETTERS = _rows()
TABLES = frozenset(_LETTERS)
SEQUENCES = frozenset(_SEQUENCES)
FUNCTIONS = frozenset(_WITH_THE_OWNERS_RIGHTS)
"""Those with the owner's rights."""

ROLE_OF = {
    "api": "api",
    "dispatcher": "dispatcher",
    "scheduler": "scheduler",
    "email-sender": "email_sender",
    "sms-sender": "sms_sender",
    "webhook-sender": "webhook_channel",
    "worker": "worker",
}
"""By the service's name. The webhook sender can do with `webhook_sender`, which sees webhooks and nothing else, where
the channel `webhook` is not served."""


def of_tables() -> set[Right]:
    """The rights to tables, their columns and sequences."""
    found = {
        Right(role, "table", table, _VERBS[letter])
        for table, row in _LETTERS.items()
        for role, letters in zip(ROLES, row, strict=True)
        for letter in letters.strip("-")
    }
    whole = {each for each in found if each.privilege == "UPDATE"}
    found -= whole
    updated = {**COLUMNS} | {(each.role, each.name): changeable(each.name) for each in whole}
    for privilege, allowed in (("UPDATE", updated), ("SELECT", READ)):
        for (role, table), columns in allowed.items():
            found |= {Right(role, "table", table, privilege, column) for column in columns}
    for sequence, table in _SEQUENCES.items():
        found |= {
            Right(right.role, "sequence", sequence, _OF_SEQUENCES[right.privilege])
            for right in found
            if right.name == table and right.privilege in _OF_SEQUENCES
        }
    return found


def may_call(role: str, name: str, *, with_the_owners_rights: bool) -> bool:
    """Whether the role may call the function."""
    return role in _WITH_THE_OWNERS_RIGHTS.get(name, ()) if with_the_owners_rights else True
