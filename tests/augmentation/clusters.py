"""Ray clusters of tests: two nodes with an address each, on loopback or in network namespaces of their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PORT = 26379
_RAY = [sys.executable, "-m", "ray.scripts.scripts"]


@dataclass(frozen=True)
class Host:
    """Where a node runs: an address, and the words before a command that is to run there."""

    address: str
    words: tuple[str, ...] = ()


class Cluster:
    """Two nodes of one CPU each; drivers run on the first.

    Args:
        hosts: of the nodes.
        folder: of Ray's logs; its path must be short.
    """

    def __init__(self, hosts: tuple[Host, Host], folder: Path) -> None:
        self.hosts, self.folder = hosts, folder
        self.address = f"{hosts[0].address}:{PORT}"
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        others = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
        self.environment = {**os.environ, **token, **others}
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Both nodes, one after the other."""
        head = ["--head", "--port", str(PORT), "--include-dashboard", "false"]
        self._node(0, *head, "--temp-dir", str(self.folder))
        self._node(1, "--address", self.address)

    def _node(self, number: int, *words: str) -> None:
        host, log = self.hosts[number], self.folder / f"node{number}.log"
        size = ["--num-cpus", "1", "--object-store-memory", str(80 << 20), "--block"]
        command = [*host.words, *_RAY, "start", *words, "--node-ip-address", host.address, *size]
        with log.open("wb") as told:
            node = subprocess.Popen(
                command, env=self.environment, stdout=told, stderr=told, start_new_session=True
            )
        self.nodes.append(node)
        deadline = time.monotonic() + 90
        while "Ray runtime started" not in log.read_text():
            assert node.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def steerx(self, *words: object, **environment: str) -> subprocess.Popen[str]:
        """A `steerx` on the first host."""
        return subprocess.Popen(
            [*self.hosts[0].words, sys.executable, "-m", "steerx.cli", *map(str, words)],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def actors(self, number: int) -> list[int]:
        """Processes in which a node's actors make shards."""
        group, found = self.nodes[number].pid, []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                if process.joinpath("cmdline").read_bytes().startswith(b"ray::Maker"):
                    fields = process.joinpath("stat").read_text().rpartition(")")[2].split()
                    if os.getpgid(int(fields[1])) == group and fields[0] not in "ZX":
                        found.append(int(process.name))
        return found

    def kill(self, number: int) -> None:
        """SIGKILL to a node, and so to all it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.nodes[number].pid, signal.SIGKILL)
        self.nodes[number].wait()

    def end(self) -> None:
        """Of whatever still runs."""
        for number in reversed(range(len(self.nodes))):
            self.kill(number)


@contextlib.contextmanager
def on_loopback() -> Iterator[tuple[Host, Host]]:
    """Two addresses of this machine."""
    yield Host("127.0.0.2"), Host("127.0.0.3")


@contextlib.contextmanager
def in_namespaces() -> Iterator[tuple[Host, Host]]:
    """Two hosts that see each other alone. Needs root."""
    names = [f"steerx-{secrets.token_hex(3)}" for _ in range(2)]
    addresses = ["10.213.7.1", "10.213.7.2"]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    try:
        for name in names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", names[0], "link", "add", "wire", "type", "veth", "peer", "wire", "netns", names[1])
        for name, address in zip(names, addresses, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
        first, second = (
            Host(address, ("ip", "netns", "exec", name))
            for name, address in zip(names, addresses, strict=True)
        )
        yield first, second
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)
