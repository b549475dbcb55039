"""What processes cost: CPU seconds and memory, read from the kernel."""

import os
import platform
import resource
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from benchmarks.shared.places import run_folder

SYNCED_WRITES = 101


def own_cpu() -> float:
    """Return the CPU seconds, user and system, of this process, its threads included."""
    used = os.times()
    return used.user + used.system


def thread_cpu(pid: int | None = None) -> dict[str, float]:
    """Return the CPU seconds of a process's threads by name; None: of this one's.

    Of another process only the main thread and those that libraries named are told apart.
    """
    own = {thread.native_id: thread.name for thread in threading.enumerate()}
    names = own if pid is None else {pid: "main"}
    used: dict[str, float] = {}
    for task in Path(f"/proc/{pid or 'self'}/task").iterdir():
        try:
            fields = (task / "stat").read_text("utf-8").rpartition(")")[2].split()
            name = names.get(int(task.name)) or (task / "comm").read_text("utf-8").strip()
        except FileNotFoundError:  # a thread that has just ended
            continue
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        used[name] = used.get(name, 0.0) + seconds
    return used


def grown(before: dict[str, float], after: dict[str, float]) -> list[tuple[str, float]]:
    """Return what each thread used in between, the busiest first."""
    used = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
    return sorted(((n, s) for n, s in used.items() if s > 0), key=lambda one: -one[1])


def tree_cpu(pids: Iterable[int]) -> float:
    """Return the CPU seconds of these processes, of their children, and of those that ended."""
    total = 0.0
    for process in _trees(pids):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def tree_memory(pids: Iterable[int]) -> int:
    """Return the bytes that these processes and their children hold; shared pages count once."""
    total = 0
    for process in _trees(pids):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def own_peak() -> int:
    """Return the most bytes that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


def described() -> str:
    """Return one line: processor, cores, load, Python."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, load {load}, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"a synced write takes {synced_write() * 1e3:.2f} ms"
    )


def synced_write() -> float:
    """Return the median seconds of a small write with its fsync: what a commit costs at least."""
    times = []
    with run_folder() as folder, (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(SYNCED_WRITES):
            began = time.perf_counter()
            file.write(bytes(4_096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return sorted(times)[SYNCED_WRITES // 2]


def _trees(pids: Iterable[int]) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                found[process.pid] = process
        except psutil.NoSuchProcess:
            continue
    return list(found.values())
