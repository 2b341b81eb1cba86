"""What end users see of their jobs: how these fare, and nothing of what the application says in them. A token that was
stolen shows neither the link of a password reset, nor whom else a mail went to."""

from hermodr_api.access.told import told
from hermodr_api.jobs.models import JobHistoryView, JobView, Timeline
from hermodr_api.recipients.models import OwnRecipientView
from hermodr_ledger.jobs.reading import JobHistory


def conceal(job: JobView) -> None:
    """Names that the application gave it, and what it noted."""
    job.metadata, job.singleton_key, job.cancel_key = {}, None, None


def conceal_history(shown: JobHistoryView, history: JobHistory) -> None:
    """Addresses stay if they are the user's: the recipient may have been given to somebody else."""
    conceal(shown.job)
    shown.envelope, shown.attachments = None, []
    if history.recipient is not None:
        shown.recipient = OwnRecipientView.model_validate(history.recipient)
    for attempt in shown.delivery_logs:
        attempt.detail, attempt.measured = None, told(attempt.measured)
    for run in shown.task.attempts if shown.task is not None else ():
        run.detail = None
    if history.recipient is None:
        shown.recipient = None
        for delivery in shown.deliveries:
            delivery.address, delivery.address_name = "", None


def conceal_details(shown: Timeline) -> None:
    for entry in shown.data:
        entry.detail = told(entry.detail)
