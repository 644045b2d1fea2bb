#!/usr/bin/env python3
"""Measures the driver of `loopscope replay`; prints JSON lines.

    replay.py LOOPSCOPE [hold|fidelity|har ...]

hold      the resident set of a client's process that holds connections, as a slope from 1 000 to COUNT (default 10 000): loopscope, a plain
          asyncio client on PyPI's websockets, tsung. The server is `loopscope serve`, a process of its own.
fidelity  a capture of 2 000 messages at irregular times replayed at 1x, 10x and max against a server that writes down when each came.
har       a HAR file of 500 MB: seconds and resident set of reading it.
"""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
COUNT = int(os.environ.get("COUNT", "10000"))
STEPS = (1000, COUNT)


def resident(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text() if os.access(f"/proc/{pid}/smaps_rollup", os.R_OK) else ""
    match = re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


def family(pid):
    """The process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [member for child in children for member in family(int(child))]


def established(port):
    """Connections to a local port, both ends in this machine: the clients' ends."""
    suffix = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(1 for line in lines if line.split()[2].endswith(suffix) and line.split()[3] == "01")


def settled(pid, port, wanted, limit=120):
    """The resident set once `wanted` connections are open and it has stopped to grow."""
    deadline = time.monotonic() + limit
    while established(port) < wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f"error: only {established(port)} of {wanted} connections were opened")
        time.sleep(0.2)
    last = 0
    while True:
        time.sleep(1)
        now = sum(resident(member) for member in family(pid))
        if abs(now - last) * 200 < now:
            return now
        last = now


class Server:
    """`loopscope serve`, in a process of its own."""

    def __init__(self, loopscope):
        self.process = subprocess.Popen(
            [loopscope, "serve", "--port", "0", "--connections", str(COUNT + 100), "--quiet"],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run(command, port, wanted, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        return settled(process.pid, port, wanted)
    finally:
        for member in reversed(family(process.pid)):
            os.kill(member, signal.SIGKILL)
        process.wait()


def hold_loopscope(loopscope, port, count, folder):
    path = Path(folder) / f"hold-{count}.yaml"
    path.write_text(
        "scenario: hold\npath: /ws/echo/\nclients: {resident: [connect, {idle: 10 min}]}\n"
        f"phases: [{{phase: hold, clients: resident, arrivals: {{rate: {count / 10}/s, for: 10 s}}}}]\n")
    return run([loopscope, "replay", str(path), "--url", f"ws://127.0.0.1:{port}"], port, count)


PLAIN = """
import asyncio, sys, resource
from websockets.asyncio.client import connect
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
async def main(url, count):
    held = []
    for _ in range(count):
        held.append(await connect(url, ping_interval=None, compression=None, max_queue=1))
    await asyncio.sleep(600)
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def hold_websockets(_, port, count, folder):
    return run([sys.executable, "-c", PLAIN, f"ws://127.0.0.1:{port}/ws/echo/", str(count)], port, count)


TSUNG = """<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "{dtd}">
<tsung loglevel="error">
  <clients><client host="localhost" use_controller_vm="true" maxusers="15000"/></clients>
  <servers><server host="127.0.0.1" port="{port}" type="tcp"/></servers>
  <load><arrivalphase phase="1" duration="60" unit="second"><users maxnumber="{count}" arrivalrate="{rate}" unit="second"/></arrivalphase></load>
  <options><option name="file_server" id="x" value="/dev/null"/></options>
  <sessions><session name="hold" probability="100" type="ts_websocket">
    <request><websocket type="connect" path="/ws/echo/"/></request>
    <thinktime value="600"/>
  </session></sessions>
</tsung>
"""


def hold_tsung(_, port, count, folder):
    tsung = shutil.which("tsung")
    if not tsung:
        return None
    dtd = next(iter(Path("/usr/share/tsung").glob("*.dtd")), "tsung-1.0.dtd")
    path = Path(folder) / f"tsung-{count}.xml"
    path.write_text(TSUNG.format(dtd=dtd, port=port, count=count, rate=count // 9).replace(
        '  <options><option name="file_server" id="x" value="/dev/null"/></options>\n', ""))
    return run([tsung, "-f", str(path), "-l", str(Path(folder) / "log"), "start"], port, count,
               env=dict(os.environ, HOME=folder), start_new_session=True)


def hold(loopscope):
    with tempfile.TemporaryDirectory() as folder:
        for name, holder in (("loopscope", hold_loopscope), ("websockets", hold_websockets), ("tsung", hold_tsung)):
            sizes = []
            for count in STEPS:
                with Server(loopscope) as server:
                    sizes.append(holder(loopscope, server.port, count, folder))
            if None in sizes:
                print(json.dumps({"driver": name, "missing": "apt-get install tsung"}))
                continue
            print(json.dumps({
                "driver": name, "connections": STEPS[1], "resident_bytes": sizes[1],
                "bytes_per_connection": round((sizes[1] - sizes[0]) / (STEPS[1] - STEPS[0]))}), flush=True)


async def collect(launch, arrivals, done):
    from websockets.asyncio.server import serve

    async def handler(socket):
        async for _ in socket:
            arrivals.append(time.monotonic())
        done.set()

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        launch(server.sockets[0].getsockname()[1])
        await done.wait()


def capture(path, gaps, start=1_796_025_600.0):
    messages, now = [], start + 0.5
    for index, gap in enumerate(gaps):
        now += gap
        messages.append({"type": "send", "time": now, "opcode": 1, "data": f"message {index} " + "x" * 100})
    entry = {"startedDateTime": "2026-11-30T08:00:00Z", "request": {"url": "ws://127.0.0.1/ws", "headers": []},
             "_webSocketMessages": messages}
    path.write_text(json.dumps({"log": {"entries": [entry]}}))
    return [message["time"] - messages[0]["time"] for message in messages]


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine_lateness(gaps, speed):
    """How late this machine wakes a process that does nothing but sleep until the same times: nobody can be better."""
    late, due = [], time.monotonic()
    for gap in gaps:
        due += gap / speed
        time.sleep(max(0, due - time.monotonic()))
        late.append(time.monotonic() - due)
    return late


def fidelity(loopscope):
    random.seed(1)
    for speed, count in (("1", 2000), ("1", 2000), ("1", 2000), ("10", 2000), ("max", 20000)):
        gaps = [random.expovariate(100) for _ in range(count)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "capture.har"
            offsets = capture(path, gaps)
            arrivals, process, done = [], [], asyncio.Event()

            def launch(port):
                process.append(subprocess.Popen(
                    [loopscope, "replay", str(path), "--speed", speed, "--json", "--url", f"ws://127.0.0.1:{port}"],
                    stdout=subprocess.PIPE, text=True))

            asyncio.run(collect(launch, arrivals, done))
            report = json.loads(process[0].communicate()[0])
        row = {"speed": speed, "messages": len(arrivals)}
        if speed == "max":
            row["messages_per_second"] = round((len(arrivals) - 1) / (arrivals[-1] - arrivals[0]))
        else:
            # The capture's zero lies where the median puts it: one late message, were it the first, would move all others.
            shifts = [came - arrivals[0] - offset / float(speed) for came, offset in zip(arrivals, offsets)]
            late = [abs(shift - quantile(shifts, 0.5)) for shift in shifts]
            row |= {f"off_ms_{name}": round(quantile(late, share) * 1000, 3)
                    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))}
            row["driver_late_ms_p99"] = round(report["clients"][0]["lateness_seconds"]["p99"] * 1000, 3)
            row["machine_late_ms_p99"] = round(quantile(machine_lateness(gaps[:1000], float(speed)), 0.99) * 1000, 3)
        print(json.dumps(row), flush=True)


def har(loopscope):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.har"
        body = json.dumps({"startedDateTime": "2026-11-30T08:00:00Z", "request": {"url": "http://h/", "headers": []},
                           "response": {"content": {"text": "<p class=\"x\">\n" * 50_000}}})
        socket = json.dumps({"startedDateTime": "2026-11-30T08:00:00Z", "request": {"url": "ws://h/ws", "headers": []},
                             "_webSocketMessages": [{"type": "send", "time": 1796025601.0, "opcode": 1, "data": "x"}]})
        with path.open("w") as file:
            file.write('{"log": {"entries": [')
            while file.tell() < 500_000_000:
                file.write(body + ",")
            file.write(socket + "]}}")
        start = time.monotonic()
        # Nobody listens there: what is measured is the reading.
        process = subprocess.Popen([loopscope, "replay", str(path), "--json", "--url", "ws://127.0.0.1:1"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        print(json.dumps({"har_bytes": path.stat().st_size, "seconds": round(time.monotonic() - start, 2),
                          "resident_bytes": usage.ru_maxrss * 1024, "status": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for name in sys.argv[2:] or ["hold", "fidelity", "har"]:
        {"hold": hold, "fidelity": fidelity, "har": har}[name](sys.argv[1])
