"""The server under test: one route of plain work, and one for each way in which a service strains.

`uvicorn server:app` runs it; http://localhost:8000/docs tries every route out.
"""

import asyncio
import random
import time
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

app = FastAPI(
    title="{{ cookiecutter.project_name | replace('\\', '\\\\') | replace('"', '\\u0022') }}",
    description="{{ cookiecutter.description | replace('\\', '\\\\') | replace('"', '\\u0022') }}",
)
cpu_turn = asyncio.Lock()


class Message(BaseModel):
    """What a route answers when all went well."""

    message: str


class Problem(BaseModel):
    """What a route answers when it failed."""

    detail: str


class Health(BaseModel):
    """What a probe reads."""

    status: Literal["ok"] = "ok"


@app.get("/hello")
async def hello() -> Message:
    """Answer at once."""
    return Message(message="Hello from FastAPI!")


@app.get("/cpu")
async def cpu(ms: Annotated[int, Query(ge=0, le=1000, description="CPU time in milliseconds")] = 10) -> Message:
    """Answer after so much CPU time, which drives an autoscaler."""
    # One request at a time and in slices: threads would keep the GIL from the event loop until the probes fail.
    async with cpu_turn:
        for _ in range(ms):
            use_a_millisecond()
            await asyncio.sleep(0)
    return Message(message=f"Used {ms} ms of CPU time.")


@app.get("/wait")
async def wait(ms: Annotated[int, Query(ge=0, le=10_000, description="time in milliseconds")] = 100) -> Message:
    """Answer after so much time, like a service that waits for another one."""
    await asyncio.sleep(ms / 1000)
    return Message(message=f"Waited {ms} ms.")


# 503 rather than 500, which would hide a real fault among those that were asked for.
@app.get("/flaky", responses={503: {"model": Problem}})
async def flaky(rate: Annotated[float, Query(ge=0, le=1, description="share that fails")] = 0.1) -> Message:
    """Fail at so high a rate, at random."""
    if random.random() < rate:
        raise HTTPException(status_code=503, detail="Failed as asked.")
    return Message(message="Did not fail this time.")


@app.get("/healthz")
async def healthz() -> Health:
    """Tell the probes that requests are answered."""
    return Health()


def use_a_millisecond() -> None:
    """Keep this thread busy for a millisecond of CPU time, however long the machine takes to grant it."""
    end = time.thread_time() + 0.001
    while time.thread_time() < end:
        pass
