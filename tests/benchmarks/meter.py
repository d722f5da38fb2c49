"""What a measurement cost, and how much the rest of the machine took meanwhile."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from service.cluster import Cluster


def tree_cpu_s(pid: int) -> float:
    """Return the processor seconds of a process, its children, and all that they have waited for."""
    total = 0.0
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def machine_cpu_s() -> float:
    """Return the processor seconds that this machine has spent, and been robbed of, since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def postmaster(cluster: Cluster) -> int:
    """Return the process id of the database server."""
    return int((cluster.directory.data / "postmaster.pid").read_text().partition("\n")[0])


@dataclass
class Meter:
    """Measures a block.

    Attributes
    ----------
    pids : mapping of str to sequence of int
        Groups of process trees whose processor time is wanted.
    spent : mapping of str to float
        Processor seconds of each group.
    wall_s : float
    others : float
        Cores that neither the benchmark nor its database used.
    """

    pids: dict[str, list[int]]
    spent: dict[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    others: float = 0.0

    def __enter__(self) -> "Meter":
        self._began = self._now()
        self._at = time.monotonic()
        return self

    def __exit__(self, *_error: object) -> None:
        self.wall_s = time.monotonic() - self._at
        ended = self._now()
        delta = {name: ended[name] - self._began[name] for name in ended}
        self.spent = {name: delta[name] for name in self.pids}
        foreign = delta["machine"] - delta["benchmark"] - delta.get("database", 0.0)
        self.others = max(0.0, foreign / self.wall_s)

    def _now(self) -> dict[str, float]:
        found = {name: sum(map(tree_cpu_s, pids)) for name, pids in self.pids.items()}
        return {**found, "machine": machine_cpu_s(), "benchmark": tree_cpu_s(os.getpid())}
