#!/usr/bin/env python3
"""How often the gate is wrong: gates of identical code, and trials per planted defect, end to end against real servers.

    rates.py --loopscope PROGRAM --python VENV/bin/python --rows FOLDER [--seconds 500] [--clean 5] [--trials 10]
    rates.py --rows FOLDER --report [--judge GateRates]

Each gate's JSON is kept in FOLDER, and what is there is not played again: a run may be cut into pieces. The report
counts false alarms and misses; GateRates (this folder) re-judges every pair of clean runs of one server, each as the
other's baseline, with times drawn anew. Needs Python 3.9 and no package; the servers' come from --python.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[2] / "fixtures/servers"
HONEST = [
    "/ws/honest/echo",
    "/ws/honest/sync-echo",
    "/ws/honest/wind-down",
    "/ws/honest/slow-disconnect",
    "/ws/swallow-fixed",
    "/ws/task-leak-fixed",
    "/ws/fd-leak-fixed",
    "/ws/group-leak-fixed",
]
COMMANDS = {
    "uvicorn websockets": "uvicorn --host 127.0.0.1 --port 0 --log-level warning --ws websockets chat.asgi:application",
    "uvicorn wsproto": "uvicorn --host 127.0.0.1 --port 0 --log-level warning --ws wsproto chat.asgi:application",
    "uvicorn sansio": "uvicorn --host 127.0.0.1 --port 0 --log-level warning --ws websockets-sansio chat.asgi:application",
    "hypercorn": "hypercorn --bind 127.0.0.1:0 --workers 0 chat.asgi:application",
    "daphne": "daphne -b 127.0.0.1 -p 0 chat.asgi:application",
    "gunicorn sync": "gunicorn --bind 127.0.0.1:0 --worker-class sync chat.wsgi",
    "embedded": None,
}
DEFECTS = {
    "one leaked task per connection": ("uvicorn websockets", "/ws/task-leak"),
    "one swallowed stop": ("uvicorn websockets", "/ws/swallow"),
    "one group member left": ("uvicorn websockets", "/ws/group-leak"),
    "one descriptor per connection": ("uvicorn websockets", "/ws/fd-leak"),
    "one extra event loop per request": ("gunicorn sync", "/bridge-twice"),
}


def scenario(paths, is_page=False):
    """Visitors of all paths, two of each."""
    lines = ["scenario: identical code", "clients:"]
    for number, path in enumerate(paths):
        steps = [{"get": {"path": path}}] * 2 if is_page else [{"connect": {"path": path}}, {"idle": "100 ms"}, "close"]
        lines.append(f"  visitor-{number}: {json.dumps(steps)}")
    shares = json.dumps({f"visitor-{number}": 2 for number in range(len(paths))})
    lines.append(f"phases: [{{phase: visits, clients: {shares}, population: {max(4, 2 * len(paths))}, settle: 10 s}}]")
    return "\n".join(lines) + "\n"


def scenario_of(server):
    if server == "embedded":
        return scenario(["/ws/echo/"])
    return scenario(["/bridge-fixed"], is_page=True) if server == "gunicorn sync" else scenario(HONEST)


def gate(options, server, text, name, *more):
    """One gate; its JSON goes to NAME.json, with how long it took."""
    folder = options.rows
    result = folder / f"{name}.json"
    if result.exists():
        return
    if time.monotonic() > options.deadline:
        sys.exit(75)
    script = folder / f"{name}.yaml"
    script.write_text(text)
    command = [options.loopscope, "gate", str(script), "--json", *more]
    if COMMANDS[server]:
        command += ["--", options.python, "-m", *COMMANDS[server].split()]
    begun = time.monotonic()
    run = subprocess.run(command, cwd=SERVERS, capture_output=True, text=True, check=False)
    try:
        value = json.loads(run.stdout)
    except ValueError:
        value = {"error": run.stderr[-2000:]}
    value["trial"] = {"server": server, "seconds": round(time.monotonic() - begun, 1), "exit": run.returncode}
    result.write_text(json.dumps(value))
    print(name, run.returncode, value["trial"]["seconds"], flush=True)


def play(options):
    options.rows.mkdir(parents=True, exist_ok=True)
    for trial in range(max(options.clean + 1, options.trials)):
        for server in COMMANDS:
            if trial > options.clean:
                continue
            slug = server.replace(" ", "-")
            baseline = ["--baseline", str(options.rows / f"baseline-{slug}.json")]
            # The first is what the others are held against.
            more = baseline + (["--update-baseline"] if trial == 0 else [])
            # One name for all: a baseline knows its scenario by its text.
            gate(options, server, scenario_of(server), f"clean-{slug}-{trial}", *more)
        for number, (_, (server, path)) in enumerate(DEFECTS.items()):
            if trial < options.trials:
                text = scenario([path], is_page=server == "gunicorn sync")
                gate(options, server, text, f"defect-{number}-{trial}", "--baseline", "/nowhere")


def blame(path):
    """File and line to blame, out of the fixture's own marks."""
    marker, file = "bridge-twice", "chat/bridges.py"
    for route in json.loads((SERVERS / "routes.json").read_text(encoding="utf-8")):
        if route["path"] == path:
            marker, file = route["blame"]["marker"], route["blame"]["file"]
    lines = (SERVERS / file).read_text(encoding="utf-8").splitlines()
    return file, next(number for number, line in enumerate(lines, 1) if line.endswith("# sick: " + marker))


def is_named(value, path):
    """Whether the gate failed and named file and line."""
    file, line = blame(path)
    places = [(found.get("location") or {}) for found in value.get("findings", [])]
    places += [suspect for rule in value.get("rules", []) for suspect in rule["suspects"]]
    hit = any((place.get("file") or "").endswith(file) and place.get("line") == line for place in places)
    return hit and value["trial"]["exit"] in (1, 2)


def report(options):
    rows = {path.stem: json.loads(path.read_text()) for path in sorted(options.rows.glob("*-[0-9]*.json"))}
    clean = defaultdict(list)
    for name, value in rows.items():
        if name.startswith("clean-"):
            clean[value["trial"]["server"]].append((name, value))
    print("| identical code | gates | false alarms | undecided | seconds, median and longest |\n|---|---:|---:|---:|---|")
    wrong = []
    for server, runs in clean.items():
        exits = Counter(value["trial"]["exit"] for _, value in runs)
        seconds = sorted(value["trial"]["seconds"] for _, value in runs)
        wrong += [name for name, value in runs if value["trial"]["exit"] != 0]
        print(
            f"| {server} | {len(runs)} | {exits[1] + exits[2]} | {len(runs) - exits[0] - exits[1] - exits[2]} "
            f"| {seconds[len(seconds) // 2]}, {seconds[-1]} |"
        )
    print("\n| planted defect | server | trials | failed, file and line named | seconds, median and longest |\n|---|---|---:|---:|---|")
    for number, (what, (server, path)) in enumerate(DEFECTS.items()):
        runs = [(name, value) for name, value in rows.items() if name.startswith(f"defect-{number}-")]
        if not runs:
            continue
        seconds = sorted(value["trial"]["seconds"] for _, value in runs)
        wrong += [name for name, value in runs if not is_named(value, path)]
        named = sum(is_named(value, path) for _, value in runs)
        print(f"| {what} | {server} | {len(runs)} | {named} | {seconds[len(seconds) // 2]}, {seconds[-1]} |")
    if wrong:
        print("\nlook at: " + ", ".join(wrong))
    if options.judge:
        files = [str(options.rows / f"{name}.json") for name in rows if name.startswith("clean-")]
        print(subprocess.run([options.judge, *files], capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loopscope")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no gate after so long; exit 75 then")
    parser.add_argument("--clean", type=int, default=5, help="gates against the first run's baseline, per server")
    parser.add_argument("--trials", type=int, default=10, help="trials per planted defect")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--judge")
    options = parser.parse_args()
    options.deadline = time.monotonic() + options.seconds
    if options.report:
        report(options)
    else:
        play(options)


if __name__ == "__main__":
    main()
