import CLinux
import Foundation
import Observations
import RemoteProcess
import Synchronization
import Testing

@testable import NativeProbe

/// A thread that runs `body` until it is told to end.
private final class Worker: Sendable {
    private let announced = Atomic<Int>(0)
    private let ready = DispatchSemaphore(value: 0)
    /// Signalled by `end`.
    let gate = DispatchSemaphore(value: 0)
    let isDone = Atomic<Bool>(false)
    let turns = Atomic<Int>(0)
    var tid: Int32 { Int32(announced.load(ordering: .sequentiallyConsistent)) }

    init(_ body: @escaping @Sendable (Worker) -> Void) {
        Thread.detachNewThread { [self] in
            announced.store(Int(ThreadStackCapture.shared.enroll()), ordering: .sequentiallyConsistent)
            ready.signal()
            body(self)
        }
        ready.wait()
    }

    func end() {
        isDone.store(true, ordering: .relaxed)
        gate.signal()
    }
}

/// What a handler that blocks its loop looks like.
private enum Handler {
    static let line = #line + 3
    @inline(never)
    static func blocking(_ worker: Worker) {
        worker.gate.wait()
        withExtendedLifetime(worker) {}
    }
}

@Suite("Stacks of our own threads")
struct ThreadStackCaptureTests {
    private let patience = Nanoseconds.seconds(5)

    @Test("a blocked thread is named with function, file and line")
    func blocked() throws {
        let worker = Worker { Handler.blocking($0) }
        defer { worker.end() }
        // The thread says its id just before it blocks; its stack shows when it has.
        var frames: [Frame] = []
        while frames.last?.function.contains("wait") != true {
            let counters = try #require(ThreadStackCapture.shared.capture(tid: worker.tid, timeout: patience))
            frames = Symbolizer.own.frames(for: counters)
        }
        let frame = try #require(frames.first { $0.function == "Handler.blocking(_:)" })
        #expect(frame.file == #filePath)
        #expect(frame.line == Handler.line)
        #expect(frames.contains { $0.function.hasPrefix("closure #1 in ThreadStackCaptureTests.blocked()") })
        #expect(frames.count > 5, "down to the thread's start: \(frames)")
    }

    @Test("a thread that has ended, or never was ours, gives nothing", arguments: [1, Int32.max, -1, 0])
    func ended(tid: Int32) {
        #expect(ThreadStackCapture.shared.capture(tid: tid) == nil)
    }

    @Test("a thread can capture itself, and the limit holds")
    func own() throws {
        let tid = ThreadStackCapture.shared.enroll()
        #expect(tid == ls_gettid())
        let counters = try #require(ThreadStackCapture.shared.capture(tid: tid, limit: 2, timeout: patience))
        #expect(counters.count == 2)
        #expect(ThreadStackCapture.shared.capture(tid: tid, limit: -1) == nil)
    }

    @Test("a thread that blocks the signal gives nothing, and the next capture works")
    func deaf() throws {
        let worker = Worker { worker in
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            worker.turns.store(1, ordering: .sequentiallyConsistent)
            worker.gate.wait()
        }
        defer { worker.end() }
        while worker.turns.load(ordering: .sequentiallyConsistent) == 0 {}
        #expect(ThreadStackCapture.shared.capture(tid: worker.tid, timeout: .milliseconds(1)) == nil)
        let own = ThreadStackCapture.shared.enroll()
        #expect(ThreadStackCapture.shared.capture(tid: own, timeout: patience) != nil)
    }

    @Test("a spinning thread is captured a thousand times and still runs on")
    func spinning() throws {
        let worker = Worker { worker in
            while !worker.isDone.load(ordering: .relaxed) { worker.turns.wrappingAdd(1, ordering: .relaxed) }
        }
        defer { worker.end() }
        for _ in 0..<1000 {
            _ = try #require(ThreadStackCapture.shared.capture(tid: worker.tid, timeout: patience))
        }
        let turns = worker.turns.load(ordering: .relaxed)
        while worker.turns.load(ordering: .relaxed) == turns {}
    }
}
