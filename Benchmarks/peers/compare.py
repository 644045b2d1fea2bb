#!/usr/bin/env python3
"""Profilers side by side on a target that knows what its stacks may look like. Prints a JSON line per run, and one per
profiler and rate at the end.

    compare.py --loopscope .build/release/loopscope --rates 100 1000 10000 --rounds 3
    compare.py --profiler mine 'mine --pid {pid} --hz {rate} --seconds {duration} --folded {output}'
    compare.py dump --loopscope .build/release/loopscope
    compare.py slowdown --loopscope .build/release/loopscope --rates 1000 --rounds 40

Any profiler that writes folded stacks can be named; {pid} {rate} {interval} (microseconds) {duration} {output} are
filled in. Runs are interleaved, and each is framed by two windows without a profiler: the ratio is the target's progress
with it over the mean of both. A run is marked noisy when other processes took the processor from the target. Without --profiler
or --loopscope: py-spy 0.4.3 and Austin 3.7.0, installed into a folder of their own.
"""

import argparse
import json
import os
import shlex
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grammar import TARGET, judge

CACHE = Path(
    os.environ.get("LOOPSCOPE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "loopscope"
)
TOOLS = CACHE / "tools"
PINS = ["py-spy==0.4.3", "austin-dist==3.7.0"]
WINDOW = 1.0

PEERS = {
    "py-spy": "{tools}/py-spy record --pid {pid} --rate {rate} --duration {duration} --format raw --output {output}",
    "py-spy --nonblocking": (
        "{tools}/py-spy record --nonblocking --pid {pid} --rate {rate} --duration {duration}"
        " --format raw --output {output}"
    ),
    "austin": "{tools}/austin --pid {pid} --interval {interval}us --exposure {duration} --output {output}",
}
# Their number is a time, not a count.
ONE_PER_LINE = {"austin"}
# Its processor time includes the folded report, drawn up afterwards.
LOOPSCOPE = (
    "sh -c '{loopscope} attach --pid {pid} --rate {rate} --duration {duration} --quiet --save {output}.recording;"
    " {loopscope} report {output}.recording --format folded --output {output}'"
)

DUMPS = {"py-spy": "{tools}/py-spy dump --pid {pid}", "austin": "{tools}/austin --where {pid}"}
LOOPSCOPE_DUMP = "{loopscope} dump --pid {pid}"


class Target:
    """recursion.py, running; a context."""

    def __init__(self, python, work, folder):
        counter = Path(folder) / "counter"
        counter.write_bytes(bytes(8))
        self.counter = counter.open("rb", buffering=0)
        self.process = subprocess.Popen(
            [python, str(TARGET), str(counter), str(work)], stdout=subprocess.PIPE, text=True
        )
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit(f"error: {python} cannot run {TARGET}")
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.counter.close()

    def rounds(self):
        return struct.unpack("<Q", os.pread(self.counter.fileno(), 8, 0))[0]

    def ran(self):
        """Seconds of processor time of its main thread."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def waited(self):
        """Seconds that its main thread was ready to run and did not."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9


class Window:
    """What happened to the target between two moments."""

    def __init__(self, target):
        self.target = target
        self.started = (time.monotonic(), target.rounds(), target.waited(), target.ran())

    def close(self):
        at, rounds, waited, ran = self.started
        self.seconds = time.monotonic() - at
        done = self.target.rounds() - rounds
        self.speed = done / self.seconds
        self.speed_per_cpu = done / max(self.target.ran() - ran, 1e-9)
        self.waited_share = (self.target.waited() - waited) / self.seconds
        return self


def quiet(target):
    window = Window(target)
    time.sleep(WINDOW)
    return window.close()


def memory_of(pid):
    """Resident kilobytes of a live process, or of the one that a shell runs: now, and at its peak."""
    found = {}
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(children[0]) if children else pid
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            found[line.split(":")[0]] = line.split()[1:2]
    except OSError:
        pass
    return tuple(int(found[name][0]) if name in found else None for name in ("VmRSS", "VmHWM"))


def fill(command, options, target, rate=0, output=""):
    values = {
        "tools": TOOLS / "bin",
        "loopscope": options.loopscope,
        "pid": target.pid,
        "rate": rate,
        "interval": round(1e6 / rate) if rate else 0,
        "duration": options.duration,
        "output": output,
    }
    return [part.format(**values) for part in shlex.split(command)]


def run_profiler(name, command, rate, target, options, folder):
    """One run between two windows without a profiler."""
    output = Path(folder) / "stacks"
    output.unlink(missing_ok=True)
    before = quiet(target)
    window, started = Window(target), time.monotonic()
    process = subprocess.Popen(
        fill(command, options, target, rate, output),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    # Half way is late enough for the peak of a sampler, and does not disturb it by polling.
    time.sleep(options.duration / 2)
    resident, peak = memory_of(process.pid)
    errors = process.stderr.read().decode(errors="replace").strip().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    window.close()
    after = quiet(target)
    row = {"profiler": name, "rate": rate, "status": process.returncode, "seconds": round(seconds, 2)}
    if not output.exists():
        row["error"] = errors[-1] if errors else "no output"
        return row
    samples, impossible, example = judge(output, name in ONE_PER_LINE)
    if name == "loopscope":
        # Its folded stacks carry microseconds.
        samples, impossible = (round(number * rate / 1e6) for number in (samples, impossible))
    cpu = usage.ru_utime + usage.ru_stime
    others = max(before.waited_share, after.waited_share)
    row.update(
        samples=samples,
        achieved_per_second=round(samples / options.duration),
        cpu_cores=round(cpu / options.duration, 4),
        cpu_us_per_sample=round(1e6 * cpu / samples, 1) if samples else None,
        rss_kb=resident,
        peak_rss_kb=peak,
        target_ratio=round(window.speed / statistics.mean([before.speed, after.speed]), 3),
        impossible=impossible,
        impossible_percent=round(100 * impossible / samples, 4) if samples else None,
        example=example,
        others_share=round(others, 3),
        noisy=others > 0.1,
    )
    return row


def run_dump(name, command, target, options):
    """Start to end of one look, the process start included."""
    started = time.monotonic()
    done = subprocess.run(fill(command, options, target), stdin=subprocess.DEVNULL, capture_output=True)
    return {"profiler": name, "status": done.returncode, "dump_ms": round(1000 * (time.monotonic() - started), 2)}


def interval_of_median(values):
    """The 95 % interval of the median by order statistics; None below six values, where there is none."""
    ordered, n = sorted(values), len(values)
    if n < 6:
        return None
    # The largest k with P(Binomial(n, 1/2) < k) <= 2.5 %.
    tail, term, k = 0.0, 0.5**n, 0
    while tail + term <= 0.025:
        tail, k = tail + term, k + 1
        term *= (n - k + 1) / k
    return [ordered[k - 1], ordered[n - k]] if k else None


def stolen():
    """Seconds that the hypervisor gave to others, all processors together."""
    return int(Path("/proc/stat").read_text().split("\n")[0].split()[8]) / os.sysconf("SC_CLK_TCK")


def slice_of(target, seconds):
    """The target's own progress in one short slice, with what others took of it."""
    before, window = stolen(), Window(target)
    time.sleep(seconds)
    window.close()
    return window, (stolen() - before) / window.seconds


def measure_slowdown(rate, target, options):
    """Pairs of short slices, with our own profiler at work and with it stopped by SIGSTOP; the target is never touched.

    The order within a pair turns, so that what drifts meets both alike.
    """
    command = [options.loopscope, "attach", "--pid", str(target.pid), "--rate", str(rate), "--duration", "100000"]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [*command, "--quiet", "--save", str(Path(folder) / "recording")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        ratios, by_cpu, waits, steals, noisy = [], [], [], [], 0
        try:
            time.sleep(2)  # its start, and the cold census
            for pair in range(options.rounds):
                speeds, works_per_cpu, shares = {}, {}, {}
                for works in (True, False) if pair % 2 else (False, True):
                    process.send_signal(signal.SIGCONT if works else signal.SIGSTOP)
                    time.sleep(options.settle)
                    window, steal = slice_of(target, options.slice)
                    speeds[works], shares[works] = window.speed, window.waited_share
                    works_per_cpu[works] = window.speed_per_cpu
                    steals.append(steal)
                if process.poll() is not None:
                    raise SystemExit(f"error: loopscope ended with {process.returncode}")
                ratios.append(speeds[True] / speeds[False])
                by_cpu.append(works_per_cpu[True] / works_per_cpu[False])
                waits.append(shares)
                # Without us nobody should have been in the target's way.
                noisy += shares[False] > 0.1 or sum(steals[-2:]) > 0.1
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
            process.wait()
    interval, interval_by_cpu = (
        bounds and [round(bound, 4) for bound in bounds] for bounds in map(interval_of_median, (ratios, by_cpu))
    )
    return {
        "slowdown": "loopscope",
        "rate": rate,
        "pairs": len(ratios),
        "target_ratio": round(statistics.median(ratios), 4),
        "interval": interval,
        "slowed_at_most_percent": interval and round(100 * (1 - interval[0]), 2),
        "ratio_per_cpu_second": round(statistics.median(by_cpu), 4),
        "interval_per_cpu_second": interval_by_cpu,
        "target_waited_share_with": round(statistics.median(share[True] for share in waits), 4),
        "target_waited_share_without": round(statistics.median(share[False] for share in waits), 4),
        "stolen_share": round(statistics.mean(steals), 4),
        "noisy_pairs": noisy,
        "noisy": noisy > len(ratios) / 10,
    }


def summarize(rows, field):
    for name, rate in dict.fromkeys((row["profiler"], row.get("rate")) for row in rows):
        mine = [row for row in rows if (row["profiler"], row.get("rate")) == (name, rate) and field in row]
        if not mine:
            continue
        values = [row[field] for row in mine]
        line = {
            "summary": name,
            "rate": rate,
            "n": len(mine),
            field: statistics.median(values),
            "interval": interval_of_median(values),
        }
        if field == "target_ratio":
            samples = sum(row["samples"] for row in mine)
            line.update(
                {key: statistics.median(row[key] for row in mine) for key in ("achieved_per_second", "cpu_cores")}
            )
            line.update(
                samples=samples,
                impossible=sum(row["impossible"] for row in mine),
                noisy=sum(row["noisy"] for row in mine),
            )
        yield line


def set_up_peers():
    """py-spy and Austin at their pinned versions, once."""
    if not all((TOOLS / "bin" / name).exists() for name in ("py-spy", "austin")):
        subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=True)
        subprocess.run([str(TOOLS / "bin/python"), "-m", "pip", "install", "--quiet", *PINS], check=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["stacks", "dump", "slowdown"], default="stacks")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that runs the target")
    parser.add_argument("--work", type=int, default=20000, help="how long a stack stands still: see recursion.py")
    parser.add_argument("--loopscope", help="path of a release build, measured beside the peers")
    parser.add_argument("--profiler", nargs=2, action="append", metavar=("NAME", "COMMAND"), default=[])
    parser.add_argument("--one-per-line", action="append", metavar="NAME", default=[], help="its number is no count")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--rates", nargs="+", type=int, default=[100, 1000, 10000])
    parser.add_argument("--duration", type=int, default=3, help="seconds that each profiler is asked to run")
    parser.add_argument("--rounds", type=int, default=1, help="of `slowdown`: pairs of slices")
    parser.add_argument("--slice", type=float, default=0.7, help="seconds of a slice of `slowdown`")
    parser.add_argument("--settle", type=float, default=0.05, help="seconds between two slices that count for neither")
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.what == "slowdown":
        if not options.loopscope:
            raise SystemExit("error: slowdown needs --loopscope: only what is ours is stopped")
        with tempfile.TemporaryDirectory() as folder, Target(options.python, options.work, folder) as target:
            for rate in options.rates:
                print(json.dumps(measure_slowdown(rate, target, options)), flush=True)
        return
    ONE_PER_LINE.update(options.one_per_line)
    peers, own = (DUMPS, LOOPSCOPE_DUMP) if options.what == "dump" else (PEERS, LOOPSCOPE)
    commands = {} if options.no_peers else dict(peers)
    if not options.no_peers:
        set_up_peers()
    if options.loopscope:
        commands["loopscope"] = own
    commands.update(options.profiler)
    rows = []
    with tempfile.TemporaryDirectory() as folder, Target(options.python, options.work, folder) as target:
        for _ in range(options.rounds):
            for rate in options.rates if options.what == "stacks" else [None]:
                for name, command in commands.items():
                    if rate is None:
                        rows.append(run_dump(name, command, target, options))
                    else:
                        rows.append(run_profiler(name, command, rate, target, options, folder))
                    print(json.dumps(rows[-1]), flush=True)
    for line in summarize(rows, "dump_ms" if options.what == "dump" else "target_ratio"):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
