#!/usr/bin/env python3
"""What stuck consumers add to the latency of a healthy connection: echoes beside 0, 10, 50 and 100 of them.

    latency.py PYTHON [--servers uvicorn-websockets gunicorn] [--route /ws/swallow] [--stuck 0 10 50 100] [--messages 200]

PYTHON has the servers of fixtures/servers. On one server, one after the other, with ever more stuck consumers: each median is
of one connection's echoes. Prints JSON lines, and the slope of the medians in ms per stuck consumer (least squares).
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[2] / "fixtures/servers"


class Server:
    """A launch of serve.py, as a context."""

    def __init__(self, options, name):
        name, _, loop = name.partition("+")
        command = [sys.executable, SERVERS / "serve.py", "--server", name, "--loop", loop or "asyncio", "--log", "/dev/null"]
        command += ["--python", options.python]
        self.launcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.launcher.stdout.readline().split()[1])
        self.client = options.client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.launcher.stdin.close()
        self.launcher.wait()

    def churn(self, path, *arguments):
        command = [self.client, SERVERS / "churn.py", f"ws://127.0.0.1:{self.port}{path}", *map(str, arguments)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def slope(points):
    """Least squares of (x, y)."""
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def measure(options, name):
    points, stuck = [], 0
    with Server(options, name) as server:
        for target in options.stuck:
            if target > stuck:
                server.churn(options.route, "-n", target - stuck, "--open-timeout", 60)
                stuck = target
                time.sleep(1)
            echo = ["-n", 1, "--send", "x", "--messages", options.messages, "--open-timeout", 60]
            times = server.churn("/ws/honest/echo", *echo)["echo_ms"]
            points.append((stuck, times["median"]))
            row = {"server": name, "route": options.route, "stuck": stuck}
            print(json.dumps({**row, "echo_ms": {key: round(value, 2) for key, value in times.items()}}), flush=True)
    print(json.dumps({"server": name, "route": options.route, "ms_per_stuck_consumer": round(slope(points), 3)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python")
    parser.add_argument("--client", help="another Python with websockets for the client")
    parser.add_argument("--servers", nargs="+", default=["uvicorn-websockets", "uvicorn-websockets+uvloop", "gunicorn", "uvicorn-sansio"])
    parser.add_argument("--route", default="/ws/swallow")
    parser.add_argument("--stuck", nargs="+", type=int, default=[0, 10, 50, 100])
    parser.add_argument("--messages", type=int, default=200)
    options = parser.parse_args()
    options.client = options.client or options.python
    for name in options.servers:
        measure(options, name)


main()
