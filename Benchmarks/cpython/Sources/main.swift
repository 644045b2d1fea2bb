// Measures the probe's parts on one live target: bench-cpython PID attach|samples|census|consumers|wake-up [HZ|max|ROUNDS] [SECONDS] [WORK] [LEAST]
// `wake-up` reads nothing of it: it only wakes up as often, on another processor than the target's.
// For `samples` the target's grammar (fixtures/cpython/grammar.py) is read from standard input.
import CLinux
import CPythonLayouts
import CPythonProbe
import Foundation
import Observations
import PythonTargets
import RemoteProcess

func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func now() -> Double { seconds(CLOCK_MONOTONIC) }
func cpu() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }
func moment(in seconds: Double) -> Moment { Moment(nanoseconds: Int64((now() + seconds) * 1e9)) }

/// The most that was resident of this process (getrusage(2)).
func peakMegabytes() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
}

/// A JSON object whose keys are in the order given, after what identifies the target.
func report(_ fields: KeyValuePairs<String, Any>) {
    let target: [(key: String, value: Any)] = [
        ("python", process.version.description), ("work", work), ("noisy", noise.isNoisy),
    ]
    let text = (target + fields.map { ($0.key, $0.value) }).map { key, value in
        let text =
            switch value {
            case let value as Double: String((value * 1000).rounded() / 1000)
            case let value as String: "\"\(value)\""
            default: "\(value)"
            }
        return "\"\(key)\": \(text)"
    }
    print("{\(text.joined(separator: ", "))}")
}

/// What else the machine did during the measurement: time stolen by the hypervisor, and our own wait for a processor.
struct Noise {
    private let start = Noise.read()

    private static func read() -> (stolen: Double, waited: Double, at: Double) {
        let stat = (try? ProcFS().read("/proc/stat", limit: 4096)) ?? []
        // user nice system idle iowait irq softirq steal, in hundredths of a second.
        let fields = stat.prefix { $0 != 10 }.split(separator: 32).dropFirst().map {
            Double(String(decoding: $0, as: UTF8.self)) ?? 0
        }
        let own = (try? ProcFS().read("/proc/self/schedstat", limit: 128)) ?? []
        let waits = own.split(separator: 32).map { Double(String(decoding: $0, as: UTF8.self)) ?? 0 }
        return (fields.count > 7 ? fields[7] / 100 : 0, waits.count > 1 ? waits[1] / 1e9 : 0, now())
    }

    /// More than a tenth of the time was lost to others.
    var isNoisy: Bool {
        let end = Self.read()
        return (end.stolen - start.stolen) + (end.waited - start.waited) > 0.1 * (end.at - start.at)
    }
}

/// Samples for `length` seconds, and then until there are `least` good ones, but no longer than four times that.
func measureSamples(_ process: PythonProcess, rate: Double?, length: Double, least: Int) throws {
    let grammar = try readLine().map { try JSONDecoder().decode(Grammar.self, from: Data($0.utf8)) }
    let plain = rate.map { WakeUps.plain(hz: $0, seconds: 0.5) }
    let sampler = StackSampler(process, rate: rate)
    _ = sampler.run(until: moment(in: 0.2))
    let calls = process.memory.callCount
    var (seconds, cpuSeconds) = (0.0, 0.0)
    var quality = SampleQuality()
    var faults: [String: Int] = [:]
    var (stacks, depth) = (0, 0)
    // In turn with the samples, on the same thread: the machine is not the same from one second to the next.
    var floor = WakeUps()
    while seconds < length || (quality.taken < least && seconds < 4 * length) {
        let (start, cpuStart) = (now(), cpu())
        let window = sampler.run(until: moment(in: min(1, max(0.1, length - seconds))))
        (seconds, cpuSeconds) = (seconds + now() - start, cpuSeconds + cpu() - cpuStart)
        if let rate { floor.run(hz: rate, seconds: 0.25) }
        quality += window.quality
        stacks = max(stacks, window.stacks.count)
        for sample in window.stacks {
            depth = max(depth, sample.stack.frames.count)
            if let fault = grammar?.fault(in: sample.stack) { faults[fault, default: 0] += sample.count }
        }
    }
    let taken = Double(max(1, quality.taken))
    let each = cpuSeconds * 1e6 / taken
    if let rate, let plain {
        report([
            "bench": "wake-up", "hz": rate, "achieved_per_second": floor.perSecond,
            "missed_percent": floor.missedPercent, "cpu_us_per_wake_up": floor.microseconds, "cpu_cores": floor.cores,
            "plain_achieved_per_second": plain.perSecond, "plain_missed_percent": plain.missedPercent,
            "plain_cpu_us_per_wake_up": plain.microseconds, "plain_cpu_cores": plain.cores,
        ])
    }
    report([
        "bench": "samples", "hz": rate ?? 0, "samples": quality.taken,
        "good_per_second": Double(quality.taken) / seconds, "retried": quality.retried, "lost": quality.lost,
        "torn": quality.torn, "impossible": faults.values.reduce(0, +),
        "syscalls_per_sample": Double(process.memory.callCount - calls) / taken,
        "cpu_us_per_sample": each, "above_floor_us": rate == nil ? each : each - floor.microseconds,
        "cpu_cores": cpuSeconds / seconds, "depth": depth, "stacks": stacks,
    ])
    if rate == nil { try measureGather(sampler) }
    for (fault, count) in faults { FileHandle.standardError.write(Data("impossible: \(fault): \(count)\n".utf8)) }
}

/// What of a sample flat out is the kernel's: its system call, again and again, with nothing decoded.
func measureGather(_ sampler: StackSampler) throws {
    let rounds = 100_000
    var size = (ranges: 0, bytes: 0)
    let start = cpu()
    for _ in 0..<rounds {
        guard let now = try? sampler.readAndIgnore() else { return }
        size = now
    }
    report([
        "bench": "gather", "us": (cpu() - start) * 1e6 / Double(rounds), "ranges": size.ranges, "bytes": size.bytes,
    ])
}

/// Wakes up as the sampler does, beside the target, and reads nothing of it.
func wakeUp(beside pid: Int32, hz: Double, seconds: Double) throws {
    _ = ls_be_punctual()
    var floor = WakeUps()
    repeat {
        // Field 39 of /proc/PID/stat, which has one word before the name and any number in it.
        let stat = String(decoding: try ProcFS().read("/proc/\(pid)/stat", limit: 4096), as: UTF8.self)
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        if fields.count > 36, let processor = Int32(fields[36]) { _ = ls_avoid_cpu(processor) }
        floor.run(hz: hz, seconds: min(0.2, seconds - floor.seconds))
    } while floor.seconds < seconds
    print(
        """
        {"bench": "wake-up", "hz": \(hz), "achieved_per_second": \(floor.perSecond), "missed_percent": \(floor.missedPercent), \
        "cpu_us_per_wake_up": \(floor.microseconds), "cpu_cores": \(floor.cores)}
        """)
}

func measureCensus(_ process: PythonProcess, rounds: Int) throws {
    let taker = CensusTaker(process)
    var times: [Double] = []
    var (tasks, calls, bytes) = (0, 0, 0)
    var cpuStart = cpu()
    for _ in 0...rounds {
        let before = now()
        tasks = try taker.take(at: moment(in: 0)).tasks.total
        times.append((now() - before) * 1000)
        // The first finds every cache cold.
        if times.count == 1 { (cpuStart, calls, bytes) = (cpu(), process.memory.callCount, process.memory.byteCount) }
    }
    let each = (cpu() - cpuStart) * 1000 / Double(rounds)
    (calls, bytes) = ((process.memory.callCount - calls) / rounds, (process.memory.byteCount - bytes) / rounds)
    let before = now()
    let types = try taker.types(at: moment(in: 0))
    let warm = times.dropFirst().sorted()
    report([
        "bench": "census", "tasks": tasks, "cold_ms": times[0], "warm_ms": warm[rounds / 2], "least_ms": warm[0],
        "cpu_ms": each, "syscalls": calls, "megabytes": Double(bytes) / 1e6, "types_ms": (now() - before) * 1000,
        "objects": types?.counts.values.reduce(0, +) ?? 0, "peak_megabytes": peakMegabytes(),
    ])
}

/// How many consumers each census of a target finds whose sockets are closed: how often one is lost.
func measureConsumers(_ process: PythonProcess, rounds: Int) throws {
    let taker = CensusTaker(process)
    var found: [Int: Int] = [:]
    var (failed, behind, greatest) = (0, 0, 0)
    for _ in 0..<rounds {
        usleep(5_000)
        guard let census = try? taker.take(at: moment(in: 0)) else {
            failed += 1
            continue
        }
        found[census.connections.instances.count, default: 0] += 1
        let newest = census.tasks.groups.compactMap(\.numbers?.upperBound).max() ?? 0
        if newest < greatest { behind += 1 }
        greatest = max(greatest, newest)
    }
    let counts = found.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    report([
        "bench": "consumers", "rounds": rounds, "failed": failed, "behind": behind, "censuses_by_consumers": counts,
    ])
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let pid = Int32(arguments[1]) else {
    print("usage: bench-cpython PID attach|samples|census|consumers|wake-up [HZ|max|ROUNDS] [SECONDS] [WORK] [LEAST]")
    exit(64)
}
// Steps of work at the bottom of the target's stack, as the caller says it.
let work = arguments.count > 5 ? arguments[5] : ""
if arguments[2] == "wake-up", arguments.count > 4, let hz = Double(arguments[3]), let seconds = Double(arguments[4]) {
    try wakeUp(beside: pid, hz: hz, seconds: seconds)
    exit(0)
}
let noise = Noise()
let start = now()
let process: PythonProcess
do {
    process = try PythonProcess(pid: pid)
} catch {
    print("error: \(error)")
    exit(69)
}
let attached = (now() - start) * 1000
switch arguments[2] {
case "samples":
    let rate = arguments.count > 3 ? Double(arguments[3]) : nil
    try measureSamples(
        process, rate: rate, length: arguments.count > 4 ? Double(arguments[4]) ?? 2 : 2,
        least: arguments.count > 6 ? Int(arguments[6]) ?? 0 : 0)
case "census": try measureCensus(process, rounds: arguments.count > 3 ? max(1, Int(arguments[3]) ?? 10) : 10)
case "consumers": try measureConsumers(process, rounds: arguments.count > 3 ? max(1, Int(arguments[3]) ?? 500) : 500)
default: report(["bench": "attach", "ms": attached])
}
