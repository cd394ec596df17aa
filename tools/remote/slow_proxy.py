"""A TCP proxy whose answers take long, as those of a far or busy server do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_CHUNK = 1 << 16
_READY_SECONDS = 10


class SlowProxy:
    """Listens on `port` for a server on port `target` of this machine.

    Attributes:
        delay: seconds that the server's answers come late; may change at any time.
    """

    def __init__(self, port: int, target: int, delay: float) -> None:
        self.delay = delay
        self._port = port
        self._target = target
        self._ready = threading.Event()

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                await asyncio.sleep(self.delay if late else 0)
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(
            self._pipe(reader, server_writer, late=False),
            self._pipe(server_reader, writer, late=True),
        )

    async def _serve(self) -> None:
        await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._end.wait()

    @contextlib.contextmanager
    def running(self) -> Iterator[SlowProxy]:
        """Serves within the block."""
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        try:
            if not self._ready.wait(_READY_SECONDS):
                raise TimeoutError(f"the proxy did not start on port {self._port}")
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()
