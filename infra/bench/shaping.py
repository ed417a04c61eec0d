"""A proxy that makes loopback as slow as object storage is from a function.

It passes bytes on, and delays the first of each answer. All connections share one rate.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

CHUNK = 64 << 10


@dataclass(slots=True, kw_only=True)
class Shape:
    """Bytes a second of all connections, seconds to the first byte; and what was counted."""

    rate: float
    first_byte: float
    requests: int = 0
    bytes: int = 0
    # When all bytes so far would have gone over the line.
    free_at: float = 0.0

    def due(self, size: int) -> float:
        """Count bytes, and return the time at which they have gone over the line."""
        self.bytes += size
        self.free_at = max(self.free_at, time.monotonic()) + size / self.rate
        return self.free_at


async def serve(upstream: str, shape: Shape) -> None:
    """Print the port and the counts for each line of standard input, until it ends."""
    target = urlsplit(upstream)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(target.hostname, target.port)
        asked = 0.0  # when a request came whose answer has not begun

        async def requests() -> None:
            nonlocal asked
            while data := await reader.read(CHUNK):
                if not asked:
                    asked = time.monotonic()
                    shape.requests += 1
                outer.write(data)
                await outer.drain()
            outer.close()

        async def answers() -> None:
            nonlocal asked
            while data := await inner.read(CHUNK):
                begin = asked + shape.first_byte if asked else 0.0
                asked = 0.0
                await asyncio.sleep(max(begin, shape.due(len(data))) - time.monotonic())
                writer.write(data)
                await writer.drain()
            writer.close()

        await asyncio.gather(requests(), answers(), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        counts = {"port": port, "requests": shape.requests, "bytes": shape.bytes}
        print(json.dumps(counts), flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Shape(rate=float(sys.argv[2]), first_byte=float(sys.argv[3]))))
