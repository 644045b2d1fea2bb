#!/usr/bin/env python3
"""Profilers side by side on a target that knows what its stacks may look like. Prints a JSON line per run, and one per
profiler and rate at the end.

    compare.py --loopscope .build/release/loopscope --rates 100 1000 10000 --rounds 3
    compare.py --profiler mine 'mine --pid {pid} --hz {rate} --seconds {duration} --folded {output}'
    compare.py dump --loopscope .build/release/loopscope
    compare.py slowdown --loopscope .build/release/loopscope --floor .build/release/bench-cpython --rates 1000 --rounds 40

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


def arms_of(rate, target, options, folder):
    """What the target is measured beside: our own profiler, and a process that wakes up as often and reads nothing."""
    own = [options.loopscope, "attach", "--pid", str(target.pid), "--rate", str(rate), "--duration", "100000"]
    arms = {"loopscope": [*own, "--quiet", "--save", str(Path(folder) / "recording")]}
    if options.floor:
        arms["floor"] = [options.floor, str(target.pid), "wake-up", str(rate), "100000"]
    return {
        name: subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for name, command in arms.items()
    }


def end(processes):
    for name, process in processes.items():
        process.send_signal(signal.SIGCONT)
        if name == "loopscope":
            process.send_signal(signal.SIGINT)
        else:
            process.kill()
        process.wait()


def ratio_with_interval(name, ratios):
    bounds = interval_of_median(ratios)
    return {name: round(statistics.median(ratios), 4), "interval": bounds and [round(bound, 4) for bound in bounds]}


def measure_slowdown(rate, target, options):
    """Short slices of the target, with one of our own processes at work and with all stopped by SIGSTOP; the target is never
    touched.

    The order within a round turns, so that what drifts meets all alike.
    """
    with tempfile.TemporaryDirectory() as folder:
        processes = arms_of(rate, target, options, folder)
        arms = [None, *processes]
        rounds, steals, noisy = [], [], 0
        try:
            time.sleep(2)  # their start, and the cold census
            for process in processes.values():
                process.send_signal(signal.SIGSTOP)
            for number in range(options.rounds):
                turn = number % len(arms)
                order = (arms[turn:] + arms[:turn])[:: -1 if number // len(arms) % 2 else 1]
                windows = {}
                for name in order:
                    if name:
                        processes[name].send_signal(signal.SIGCONT)
                    time.sleep(options.settle)
                    windows[name], steal = slice_of(target, options.slice)
                    steals.append(steal)
                    if name:
                        processes[name].send_signal(signal.SIGSTOP)
                        if processes[name].poll() is not None:
                            raise SystemExit(f"error: {name} ended with {processes[name].returncode}")
                rounds.append(windows)
                # Without us nobody should have been in the target's way.
                noisy += windows[None].waited_share > 0.1 or sum(steals[-len(arms) :]) > 0.1
        finally:
            end(processes)
    ratios = [at["loopscope"].speed / at[None].speed for at in rounds]
    row = {"slowdown": "loopscope", "rate": rate, "pairs": len(rounds), **ratio_with_interval("target_ratio", ratios)}
    row["slowed_at_most_percent"] = row["interval"] and round(100 * (1 - row["interval"][0]), 2)
    by_cpu = [at["loopscope"].speed_per_cpu / at[None].speed_per_cpu for at in rounds]
    per_cpu = ratio_with_interval("ratio_per_cpu_second", by_cpu)
    row["interval_per_cpu_second"] = per_cpu.pop("interval")
    row.update(per_cpu)
    for name, share in ("loopscope", "with"), (None, "without"):
        row[f"target_waited_share_{share}"] = round(statistics.median(at[name].waited_share for at in rounds), 4)
    yield {
        **row,
        "stolen_share": round(statistics.mean(steals), 4),
        "noisy_pairs": noisy,
        "noisy": noisy > len(rounds) / 10,
    }
    if options.floor:
        floor = [at["floor"].speed / at[None].speed for at in rounds]
        above = [at["loopscope"].speed / at["floor"].speed for at in rounds]
        row = {"slowdown": "floor", "rate": rate, "pairs": len(rounds), **ratio_with_interval("target_ratio", floor)}
        over = ratio_with_interval("loopscope_over_floor", above)
        yield {**row, "interval_over_floor": over.pop("interval"), **over}


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
    parser.add_argument("--floor", help="of `slowdown`: bench-cpython, which is measured too, waking up and reading nothing")
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
                for line in measure_slowdown(rate, target, options):
                    print(json.dumps(line), flush=True)
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
