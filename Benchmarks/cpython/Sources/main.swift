// Measures the probe's parts on one live target: bench-cpython PID attach|samples|census
import CPythonProbe
import Glibc
import Observations
import RemoteProcess

func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func moment(in seconds: Double) -> Moment { Moment(nanoseconds: Int64((now() + seconds) * 1e9)) }

guard CommandLine.arguments.count == 3, let pid = Int32(CommandLine.arguments[1]) else {
    print("usage: bench-cpython PID attach|samples|census")
    exit(64)
}
let start = now()
let process: PythonProcess
do {
    process = try PythonProcess(pid: pid)
} catch {
    print("error: \(error)")
    exit(69)
}
let attached = (now() - start) * 1000
switch CommandLine.arguments[2] {
case "samples":
    let sampler = StackSampler(process, rate: nil)
    _ = sampler.run(until: moment(in: 0.2))
    let (calls, before, cpuBefore) = (process.memory.callCount, now(), cpu())
    let window = sampler.run(until: moment(in: 2))
    let (seconds, quality) = (now() - before, window.quality)
    let perSample = Double(process.memory.callCount - calls) / Double(max(1, quality.taken))
    let perCPU = (cpu() - cpuBefore) * 1e6 / Double(max(1, quality.taken))
    let depth = window.stacks.map { $0.stack.frames.count }.max() ?? 0
    print(
        #"{"bench": "samples", "good_per_second": \#(Int(Double(quality.taken) / seconds)), "retried": \#(quality.retried), "lost": \#(quality.lost), "torn": \#(quality.torn), "syscalls_per_sample": \#(perSample), "cpu_us_per_sample": \#(perCPU), "depth": \#(depth), "stacks": \#(window.stacks.count)}"#
    )
case "census":
    let taker = CensusTaker(process)
    var times: [Double] = []
    var tasks = 0
    var cpuBefore = cpu()
    for _ in 0..<11 {
        let before = now()
        tasks = try taker.take(at: moment(in: 0)).tasks.total
        times.append((now() - before) * 1000)
        // The first finds every cache cold.
        if times.count == 1 { cpuBefore = cpu() }
    }
    let each = (cpu() - cpuBefore) * 100
    let before = now()
    let types = try taker.types(at: moment(in: 0))
    let typesTime = (now() - before) * 1000
    let warm = times.dropFirst().sorted()
    print(
        #"{"bench": "census", "tasks": \#(tasks), "cold_ms": \#(times[0]), "warm_ms": \#(warm[5]), "least_ms": \#(warm[0]), "cpu_ms": \#(each), "types_ms": \#(typesTime), "objects": \#(types?.counts.values.reduce(0, +) ?? 0)}"#
    )
default: print(#"{"bench": "attach", "ms": \#(attached)}"#)
}
