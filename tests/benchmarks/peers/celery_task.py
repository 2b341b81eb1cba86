"""Celery with a result backend in PostgreSQL: late acks, prefork with a process per core, tasks that do nothing."""

import os

from celery import Celery

app = Celery("task", broker=os.environ["PEER_AMQP_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=64,  # "many tasks of short duration" (Celery, Optimizing)
    result_backend="db+" + os.environ["PEER_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
    database_short_lived_sessions=False,
)


@app.task
def nothing(number):
    return number


def enqueue(numbers):
    for number in numbers:
        nothing.delay(number)
