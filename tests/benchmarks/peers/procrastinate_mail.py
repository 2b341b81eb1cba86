"""Procrastinate: asynchronous tasks, ten at a time in a process per core, SMTP connections kept; jobs are its rows."""

import os
from datetime import UTC, datetime

import aiosmtplib
import letter
import procrastinate

CONCURRENT = 10
CHUNK = 1_000
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["PEER_DATABASE_URL"]),
    import_paths=["procrastinate_mail"],
)
idle = []
opened = {}


@app.task(queue="mail", retry=3, name="send")
async def send(number):
    client = idle.pop() if idle else None
    if client is None:
        client = aiosmtplib.SMTP(hostname=letter.SMTP_HOST, port=letter.SMTP_PORT, start_tls=False)
        await client.connect()
    await client.sendmail(letter.SENDER, [letter.address(number)], letter.build(number).as_bytes())
    idle.append(client)


def producer():
    if "app" not in opened:
        opened["app"] = app.open()
    return opened["app"]


def enqueue(numbers):
    producer()
    for start in range(numbers.start, numbers.stop, CHUNK):
        part = range(start, min(start + CHUNK, numbers.stop))
        send.batch_defer(*({"number": number} for number in part))


def schedule(numbers, moments):
    producer()
    for number, moment in zip(numbers, moments, strict=True):
        send.configure(schedule_at=datetime.fromtimestamp(moment, UTC)).defer(number=number)
