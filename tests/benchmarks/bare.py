"""The measure for our api: FastAPI, a model, one INSERT per request.

BARE_DATABASE_URL=… python -m tests.benchmarks.bare PORT
"""

import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

TABLE = """CREATE TABLE bare_notifications (
    id uuid PRIMARY KEY, type text NOT NULL, recipient jsonb NOT NULL, data jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued', created_at timestamptz NOT NULL DEFAULT now())"""
INSERT = "INSERT INTO bare_notifications (id, type, recipient, data) VALUES ($1, $2, $3, $4)"


class Notification(BaseModel):
    type: str
    to: dict[str, str]
    data: dict[str, Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BARE_DATABASE_URL"], min_size=20, max_size=20) as pool:
        await pool.execute(TABLE)
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/v1/notifications", status_code=202)
async def send(notification: Notification) -> dict[str, str]:
    """Accepted means committed, as with us."""
    number = uuid.uuid4()
    recipient, data = orjson.dumps(notification.to).decode(), orjson.dumps(notification.data).decode()
    await app.state.pool.execute(INSERT, number, notification.type, recipient, data)
    return {"id": str(number)}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
