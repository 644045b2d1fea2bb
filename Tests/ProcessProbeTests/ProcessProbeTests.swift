import Foundation
import Observations
import ProcessFixtures
import RemoteProcess
import Synchronization
import Testing

@testable import ProcessProbe

/// Keeps what it is told, and tells who waits for it.
private final class Collector: ObservationSink {
    private let kept = Mutex<[Observation]>([])
    private let (stream, continuation) = AsyncStream.makeStream(of: Observation.self)
    var observations: [Observation] { kept.withLock { $0 } }

    func record(_ observations: [Observation]) {
        kept.withLock { $0 += observations }
        for observation in observations { continuation.yield(observation) }
    }

    /// Waits until `count` process samples have come.
    func wait(forSamples count: Int) async {
        var seen = 0
        for await observation in stream {
            if case .process = observation { seen += 1 }
            if seen == count { return }
        }
    }
}

@Suite("Process probe")
struct ProcessProbeTests {
    private func probe(_ pid: Int32) -> ProcessProbe {
        ProcessProbe(pid: pid, interval: .milliseconds(1), tool: "test")
    }

    @Test("it starts with the session, samples, and ends when the process does")
    func exit() async throws {
        let child = try Child("/bin/cat", ["/proc/self/comm", "-"])
        let pid = child.pid
        #expect(child.greeting == "cat")
        let sink = Collector()
        async let end = probe(pid).observe(into: sink)
        await sink.wait(forSamples: 3)
        child.end()
        #expect(try await end.reason == .targetExited)
        guard case .start(let start) = sink.observations.first else {
            Issue.record("the first observation is no start")
            return
        }
        #expect(start.kind == .process && start.grade == .sampled && start.pid == pid && start.description == "cat")
    }

    @Test("it notices that the process runs another program")
    func exec() async throws {
        let child = try Child("/bin/sh", ["-c", "echo ready; read go; exec /bin/cat"])
        let sink = Collector()
        let pid = child.pid
        async let end = probe(pid).observe(into: sink)
        await sink.wait(forSamples: 1)
        try child.say("go")
        #expect(try await end.reason == .targetReplaced)
        child.end()
    }

    @Test("cancelled, it was interrupted")
    func cancelled() async throws {
        let sink = Collector()
        let task = Task { try await probe(getpid()).observe(into: sink) }
        await sink.wait(forSamples: 2)
        task.cancel()
        #expect(try await task.value.reason == .interrupted)
    }

    @Test("what is no process is an error before anything is seen")
    func missing() async {
        let sink = Collector()
        await #expect(throws: ProcError.self) { try await probe(.max).observe(into: sink) }
        #expect(sink.observations.isEmpty)
    }
}
