"""What processes cost: CPU seconds and memory, read from the kernel."""

import os
import platform
import resource
import threading
from collections.abc import Iterable
from pathlib import Path

import psutil


def own_cpu() -> float:
    """Return the CPU seconds, user and system, of this process, its threads included."""
    used = os.times()
    return used.user + used.system


def thread_cpu() -> dict[str, float]:
    """Return the CPU seconds of this process's threads by name, those of libraries included."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    used: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            fields = (task / "stat").read_text("utf-8").rpartition(")")[2].split()
            name = names.get(int(task.name)) or (task / "comm").read_text("utf-8").strip()
        except FileNotFoundError:  # a thread that has just ended
            continue
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        used[name] = used.get(name, 0.0) + seconds
    return used


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
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


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
