import Foundation
import Observations
import Recording

// Writes a million stack samples to a recording and reads them back grouped; prints JSON lines. Run by `bench`.

/// `distinct` stacks of `depth` frames, as a sampler hands them in: the same value again and again.
func stacks(distinct: Int, depth: Int) -> [StackTrace] {
    (0..<distinct).map { number in
        StackTrace(
            (0..<depth).map { level in
                Frame(
                    kind: .python, function: "module.Class.method_\(level == depth - 1 ? number : level)",
                    file: "/srv/app/package/module_\(level).py", line: level * 10 + number % 10)
            })
    }
}

/// CPU time of this process.
func processorSeconds() -> Double { Double(clock()) / 1e6 }

let samples = 1_000_000
let stopwatch = ContinuousClock()
let directory = FileManager.default.temporaryDirectory.appending(path: "loopscope-bench-\(getpid())").path
try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: directory) }

for (distinct, depth) in [(300, 30), (3000, 30), (50_000, 30)] {
    let path = "\(directory)/\(distinct).loopscope"
    let traces = stacks(distinct: distinct, depth: depth)
    let observations = (0..<samples).map { number in
        Observation.stack(
            StackSample(
                time: Moment(nanoseconds: Int64(number) * 100_000), pid: 4711, tid: Int32(number % 4),
                thread: "MainThread",
                activity: .running, holdsGIL: true, stack: traces[number * 7919 % distinct],
                consumer: "chat.consumers.ChatConsumer", count: 1, weight: .microseconds(100)))
    }
    let writer = try RecordingWriter(path: path, capacity: samples)
    let cpu = processorSeconds()
    let written = try stopwatch.measure {
        for start in stride(from: 0, to: samples, by: 1000) { writer.record(Array(observations[start..<start + 1000])) }
        try writer.finish()
    }
    let cpuPerSample = (processorSeconds() - cpu) / Double(samples)
    var groups: [StackSample] = []
    let read = try stopwatch.measure { groups = try Recording(path: path).stacks() }
    guard groups.reduce(0, { $0 + $1.count }) == samples else { fatalError("samples were lost") }
    let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    let rate = Int(Double(samples) / (written / .seconds(1)))
    print(
        """
        {"bench": "recording", "samples": \(samples), "distinct_stacks": \(distinct), "depth": \(depth), \
        "appended_per_second": \(rate), "cpu_us_per_sample": \(cpuPerSample * 1e6), \
        "grouped_read_seconds": \(read / .seconds(1)), "groups": \(groups.count), "bytes_per_sample": \(bytes / samples)}
        """)
}
