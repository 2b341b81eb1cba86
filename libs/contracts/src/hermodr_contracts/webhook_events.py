"""The events a webhook endpoint may subscribe to."""

from hermodr_contracts.vocabulary import DeliveryState, InboxEvent, JobState

TEST = "webhook.test"
"""Asked for by a person; goes to that endpoint whatever it subscribed to."""
ENDPOINT_DISABLED = "endpoint.disabled"
"""Another endpoint of the project gets nothing any more."""

EVENTS: tuple[str, ...] = (  # a new notification is a delivery that was delivered
    *(f"job.{each.value}" for each in JobState),
    *(f"delivery.{each.value}" for each in DeliveryState),
    *(f"inbox.{each.value}" for each in InboxEvent if each is not InboxEvent.CREATED),
    TEST,
    ENDPOINT_DISABLED,
)
