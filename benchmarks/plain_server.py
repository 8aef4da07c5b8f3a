"""A server that answers as fast as Python can, so that Locust is the bottleneck."""

import asyncio
import contextlib
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def plain_server() -> Iterator[tuple[str, Callable[[], int]]]:
    """The URL of such a server in a process of its own, and a function that returns how many requests it had."""
    count = multiprocessing.RawValue("Q")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("fork").Process(target=serve, args=(listener, count), daemon=True)
        process.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", lambda: int(count.value)
        finally:
            process.terminate()
            process.join()


class Answer(asyncio.Protocol):
    def __init__(self, count: Any) -> None:
        self.count = count

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, _data: bytes) -> None:
        self.count.value += 1
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def serve(listener: socket.socket, count: Any) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(partial(Answer, count), sock=listener)
        await server.serve_forever()

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(forever())
