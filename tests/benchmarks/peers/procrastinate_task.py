"""Procrastinate: asynchronous tasks that do nothing, fifty at a time in one process; jobs are its rows."""

import os

import procrastinate

CHUNK = 1_000
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=os.environ["PEER_DATABASE_URL"]),
    import_paths=["procrastinate_task"],
)
opened = {}


@app.task(queue="tasks", name="nothing")
async def nothing(number):
    return number


def enqueue(numbers):
    if "app" not in opened:
        opened["app"] = app.open()
    for start in range(numbers.start, numbers.stop, CHUNK):
        part = range(start, min(start + CHUNK, numbers.stop))
        nothing.batch_defer(*({"number": number} for number in part))
