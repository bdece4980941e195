"""Runs a command and prints what it took, as one line of JSON. Both sides of a benchmark are measured with it.

    measure.py [--memory | --copies N] COMMAND …

With --copies, so many start together, each in a folder of its own within this one, and what the first one printed is left.
`wall`: seconds from before the process starts until it, or the last of them, has ended. `cpu`: user and system seconds,
its own processes' included. `peak_bytes` (Linux, only with --memory, which takes time itself): the largest sum over the whole process
tree of the memory in use, a page that processes share being divided among them (PSS).
`status`, `stdout`, `stderr`: what it left.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROC = Path("/proc")


def descendants(root):
    """`root` and all processes below it."""
    found, children = [], [root]
    while children:
        pid = children.pop()
        found.append(pid)
        for task in PROC.glob(f"{pid}/task/*/children"):
            try:
                children += map(int, task.read_text().split())
            except OSError:
                pass  # it has just ended
    return found


def memory(pid):
    """Bytes of one process: its own pages and its share of the others."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has just ended
    return 0


def watch(process):
    """Largest memory of the process tree until it ends, sampled every 5 ms or, where looking takes long, less often."""
    peak = 0
    while process.poll() is None:
        start = time.perf_counter()
        peak = max(peak, sum(map(memory, descendants(process.pid))))
        time.sleep(max(0.005, 10 * (time.perf_counter() - start)))
    return peak


def main():
    command = sys.argv[1:]
    watched, folders = command[0] == "--memory", [Path()]
    if watched:
        command = command[1:]
    elif command[0] == "--copies":
        folders = [Path(str(copy)) for copy in range(int(command[1]))]
        command = command[2:]
        for folder in folders:
            folder.mkdir()
    peak = None
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        outs = [out] + [subprocess.DEVNULL] * (len(folders) - 1)
        start = time.perf_counter()
        processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to, stderr=err, cwd=folder)
                     for folder, to in zip(folders, outs)]
        if watched and PROC.exists():
            peak = watch(processes[0])
        status = max((process.wait() for process in processes), key=abs)
        wall = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        err.seek(0)
        print(json.dumps({"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_bytes": peak,
                          "status": status, "stdout": out.read(), "stderr": err.read()}))


main()
