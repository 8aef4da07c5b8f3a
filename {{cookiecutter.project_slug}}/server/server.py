"""The server under test: a fast route, and one each that uses CPU, waits and fails.

`uvicorn server:app` runs it; http://localhost:8000/docs lets you try every route.
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
    """Response of a route that succeeded."""

    message: str


class Failure(BaseModel):
    """Response of a route that failed."""

    detail: str


class Health(BaseModel):
    """Response for the probes."""

    status: Literal["ok"] = "ok"


@app.get("/hello")
async def hello() -> Message:
    """Respond immediately."""
    return Message(message="Hello from FastAPI!")


@app.get("/cpu")
async def cpu(ms: Annotated[int, Query(ge=0, le=1000, description="CPU time in milliseconds")] = 10) -> Message:
    """Respond after using the given CPU time, which makes an autoscaler add pods."""
    # One request at a time, in slices of a millisecond: otherwise the event loop could not answer the probes.
    async with cpu_turn:
        for _ in range(ms):
            use_a_millisecond()
            await asyncio.sleep(0)
    return Message(message=f"Used {ms} ms of CPU time.")


@app.get("/wait")
async def wait(ms: Annotated[int, Query(ge=0, le=10_000, description="Time in milliseconds")] = 100) -> Message:
    """Respond after the given time, like a service that waits for another one."""
    await asyncio.sleep(ms / 1000)
    return Message(message=f"Waited {ms} ms.")


# 503, because a 500 would look like a defect of this server.
@app.get("/flaky", responses={503: {"model": Failure}})
async def flaky(rate: Annotated[float, Query(ge=0, le=1, description="Share of requests that fail")] = 0.1) -> Message:
    """Fail at random, at the given rate."""
    if random.random() < rate:
        raise HTTPException(status_code=503, detail="Failed on purpose.")
    return Message(message="Did not fail.")


@app.get("/healthz")
async def healthz() -> Health:
    """Respond to the probes."""
    return Health()


def use_a_millisecond() -> None:
    """Use a millisecond of CPU time, however long that takes on a busy machine."""
    end = time.thread_time() + 0.001
    while time.thread_time() < end:
        pass
