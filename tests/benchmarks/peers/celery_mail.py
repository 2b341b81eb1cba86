"""Celery: late acks, prefork with a process per core, an SMTP and a database connection per process, a row per
mail.

PEER_QUORUM=1 adds a quorum queue and publisher confirms: what it takes to lose nothing when the broker restarts.
"""

import os
import smtplib
from datetime import UTC, datetime

import letter
import psycopg
from celery import Celery
from celery.signals import worker_process_init

app = Celery("mail", broker=os.environ["PEER_AMQP_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=64,  # "many tasks of short duration" (Celery, Optimizing)
)
if os.environ.get("PEER_QUORUM"):
    app.conf.update(
        task_default_queue_type="quorum",
        broker_transport_options={"confirm_publish": True},
        worker_prefetch_multiplier=64,
    )

TABLE = """CREATE TABLE IF NOT EXISTS mails (
    id bigint PRIMARY KEY, recipient text NOT NULL, state text NOT NULL DEFAULT 'queued',
    created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz)"""
connections = {}


@worker_process_init.connect
def connect(**_):
    connections["smtp"] = smtplib.SMTP(letter.SMTP_HOST, letter.SMTP_PORT)
    connections["database"] = psycopg.connect(os.environ["PEER_DATABASE_URL"], autocommit=True)


@app.task(autoretry_for=(smtplib.SMTPException, OSError), retry_backoff=True, max_retries=3)
def send(number):
    mail = letter.build(number)
    connections["smtp"].sendmail(letter.SENDER, [letter.address(number)], mail.as_bytes())
    connections["database"].execute(
        "UPDATE mails SET state = 'sent', sent_at = now() WHERE id = %s", (number,)
    )


def database():
    if "producer" not in connections:
        connections["producer"] = psycopg.connect(os.environ["PEER_DATABASE_URL"], autocommit=True)
        connections["producer"].execute(TABLE)
    return connections["producer"]


def insert(number):
    database().execute("INSERT INTO mails (id, recipient) VALUES (%s, %s)", (number, letter.address(number)))


def enqueue(numbers):
    for number in numbers:
        insert(number)
        send.delay(number)


def schedule(numbers, moments):
    for number, moment in zip(numbers, moments, strict=True):
        insert(number)
        send.apply_async((number,), eta=datetime.fromtimestamp(moment, UTC))
