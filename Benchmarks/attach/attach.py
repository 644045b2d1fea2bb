#!/usr/bin/env python3
"""What attaching costs on a server with a thousand open connections: CPU of loopscope, in cores, over a minute.

    attach.py LOOPSCOPE PYTHON [--connections 1000] [--seconds 60]

PYTHON has the servers of fixtures/servers. The first ten seconds (attaching, the cold census, the collector's lists) are given
apart from the rest. Prints JSON lines; `wait` is the share of the time that loopscope was ready and had no processor.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "fixtures/servers"
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def waited(pid):
    return sum(
        int(task.joinpath("schedstat").read_text().split()[1]) for task in Path(f"/proc/{pid}/task").iterdir()
    ) / 1e9


def measure(loopscope, pid, seconds, route):
    start = time.monotonic()
    process = subprocess.Popen(
        [loopscope, "attach", "--pid", str(pid), "--duration", str(seconds + 3), "--json"], stdout=subprocess.PIPE
    )
    time.sleep(10)
    early, first = cpu(process.pid), time.monotonic()
    wait = waited(process.pid)
    time.sleep(seconds - 10)
    late, last = cpu(process.pid), time.monotonic()
    wait = waited(process.pid) - wait
    report = json.loads(process.communicate()[0])
    alive = sum(row["alive"] or 0 for row in report["consumers"])
    return {
        "what": "attach", "route": route, "connections": alive, "first_10_s_cores": round(early / (first - start), 4),
        "afterwards_cores": round((late - early) / (last - first), 4),
        "whole_cores": round(late / (last - start), 4), "wait": round(wait / (last - first), 4),
        "findings": [finding["code"] for finding in report["findings"]],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loopscope")
    parser.add_argument("python")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    for route in ("/ws/honest/echo", "/ws/swallow"):
        server = subprocess.Popen(
            [sys.executable, SERVERS / "serve.py", "--server", "uvicorn-sansio", "--python", options.python, "--log", "/dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        words = server.stdout.readline().split()
        port, pid = int(words[1]), int(words[2])
        client = subprocess.Popen(
            [options.python, SERVERS / "churn.py", f"ws://127.0.0.1:{port}/ws/honest/echo", "-n", str(options.connections),
             "--close", "hold", "--open-timeout", "60"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        client.stdout.readline()
        if route != "/ws/honest/echo":
            subprocess.run(
                [options.python, SERVERS / "churn.py", f"ws://127.0.0.1:{port}{route}", "-n", "3"], check=True,
                stdout=subprocess.DEVNULL,
            )
        print(json.dumps(measure(options.loopscope, pid, options.seconds, route)), flush=True)
        client.stdin.close()
        client.wait()
        server.stdin.close()
        server.wait()


main()
