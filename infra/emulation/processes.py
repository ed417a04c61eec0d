"""Local server processes: free ports, waiting until a server listens, and ending it."""

import math
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


def free_ports() -> tuple[int, int]:
    """Return two ports of loopback on which nothing listens now."""
    with socket.socket() as first, socket.socket() as second:
        first.bind((HOST, 0))
        second.bind((HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]


def wait_until_listening(process: subprocess.Popen[bytes], *ports: int) -> bool:
    """Wait, and return whether `process` listens on all `ports`.

    False means that it ended or took more than START_SECONDS. A connection would not tell: another
    process may have taken the port first.
    """
    limit = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < limit:
        if listening_ports(process.pid).issuperset(ports):
            return True
        time.sleep(0.005)
    return False


def listening_ports(pid: int) -> set[int]:
    """Return the IPv4 TCP ports on which the process listens, as the Linux kernel lists them."""
    own: set[str] = set()
    with suppress(OSError):  # the process or one of its files may vanish meanwhile
        own.update(str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir())
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text("ascii").splitlines()[1:]]
    return {
        int(row[1].split(":")[1], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in own
    }


def stop(leader: subprocess.Popen[bytes]) -> None:
    """End a process that was started with `start_new_session`, and the rest of its session."""
    leader.terminate()
    try:
        leader.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        leader.kill()
        leader.wait()
    for pid in descendants(leader.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(leader: int) -> Iterator[int]:
    """Yield the ids of the other processes of `leader`'s session, of any process group."""
    for pid in (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()):
        with suppress(ProcessLookupError):
            if pid != leader and os.getsid(pid) == leader:
                yield pid


def peak_memory_mb(leader: int) -> int:
    """Return the sum of the peak resident memory of the other processes of `leader`'s session."""
    total_kb = 0
    for pid in descendants(leader):
        with suppress(OSError):
            peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
            total_kb += int(peak[1]) if peak else 0
    return math.ceil(total_kb / 1024)
