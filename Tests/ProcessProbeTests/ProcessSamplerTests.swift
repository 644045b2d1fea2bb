import Clocks
import Foundation
import Observations
import ProcessFixtures
import RemoteProcess
import Testing

@testable import ProcessProbe

/// A process 42 with two threads, three sockets of its own and one of another.
private func fakeServer() throws -> FakeProc {
    let tcp = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 501 1 0000 100 0 0 10 0
           1: 0100007F:1F90 0100007F:C350 08 00000000:00000000 00:00000000 00000000     0        0 502 1 0000 20 4 30 10 -1
           2: 0100007F:1F90 0100007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 999 1 0000 20 4 30 10 -1
           3: torn
        """
    let fake = try FakeProc([
        "uptime": "100.50 300.00\n",
        "42/stat": statLine(pid: 42, comm: "python3", parent: 7, start: 50),
        "42/limits":
            "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 524288               files\n",
        "42/net/tcp": tcp,
        "42/net/tcp6": "  sl  ...\n   0: 00:1F90 00:0000 01 0:0 00:0 0 0 0 503 1\n",
        "42/task/42/stat": statLine(pid: 42, comm: "python3", state: "R"),
        "42/task/42/schedstat": "1500000000 2000000 77\n",
        "42/task/42/status": "Name:\tpython3\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n",
        "42/task/43/stat": statLine(pid: 43, comm: "worker (1)"),
    ])
    for (descriptor, target) in [
        (0, "/dev/null"), (3, "socket:[501]"), (4, "socket:[502]"), (5, "socket:[503]"), (6, "anon_inode:[eventpoll]"),
    ] {
        try fake.link("42/fd/\(descriptor)", to: target)
    }
    return fake
}

@Suite("Process samples")
struct ProcessSamplerTests {
    @Test("everything /proc says is in the sample, and nothing else's sockets")
    func sample() throws {
        let fake = try fakeServer()
        let sampler = try ProcessSampler(pid: 42, proc: fake.proc)
        let sample = try sampler.sample(at: Moment(nanoseconds: 5))
        #expect(sample.name == "python3" && sample.parent == 7)
        #expect(sample.age == .seconds(100))
        #expect(sample.residentBytes == 250 * Int(getpagesize()))
        #expect(sample.descriptors == 5 && sample.descriptorLimit == 1024)
        #expect(sample.sockets == ["LISTEN": 1, "CLOSE_WAIT": 1, "ESTABLISHED": 1])
        #expect(sampler.hasEpoll)
        #expect(sample.threads.count == 2)
        let main = try #require(sample.threads.first)
        #expect(main.cpu == .milliseconds(1500) && main.runQueueWait == .milliseconds(2) && main.state == "R")
        #expect(main.voluntarySwitches == 12 && main.involuntarySwitches == 3)
        let worker = try #require(sample.threads.last)
        #expect(worker.name == "worker (1)" && worker.cpu == .milliseconds(460), "12 + 34 ticks, without schedstat")
        #expect(worker.runQueueWait == nil && worker.voluntarySwitches == nil)
        #expect(sample.cpu == .milliseconds(1960))
    }

    @Test("a process that ends, or whose pid is another's, gives no sample")
    func ended() throws {
        let fake = try fakeServer()
        let sampler = try ProcessSampler(pid: 42, proc: fake.proc)
        try fake.overwrite("42/stat", statLine(pid: 42, comm: "other", start: 51))
        #expect(sampler.fate == .reused)
        #expect(throws: ProcError.self) { try sampler.sample(at: Moment(nanoseconds: 0)) }
        #expect(throws: ProcError.self) { try ProcessSampler(pid: 43, proc: fake.proc) }
    }

    @Test("our own process burns CPU, and says so")
    func own() throws {
        let sampler = try ProcessSampler(pid: getpid())
        let first = try sampler.sample(at: .now())
        var last = first
        while last.cpu <= first.cpu { last = try sampler.sample(at: .now(), sockets: false) }
        #expect(last.threads.allSatisfy { $0.runQueueWait != nil && $0.voluntarySwitches != nil })
        #expect(last.residentBytes > 1 << 20)
        #expect((last.descriptors ?? 0) > 2)
    }

    @Test("a descriptor that accept has reserved and not filled is counted at no time")
    func reserved() throws {
        let child = try Child("/usr/bin/python3", ["-c", Self.accepting])
        defer { child.end() }
        let open = try #require(Int(child.greeting))
        let sampler = try ProcessSampler(pid: child.pid)
        // It is blocked in accept(2) once it is seen asleep.
        while try sampler.sample(at: .now()).threads.first?.state != "S" {}
        let counts = try [true, false, true, false].map { try sampler.sample(at: .now(), sockets: $0).descriptors }
        #expect(counts == [open, open, open, open])
    }

    /// Says how many descriptors it has, without the one that counting takes.
    private static let accepting = """
        import os, socket
        listener = socket.create_server(("127.0.0.1", 0))
        print(len(os.listdir("/proc/self/fd")) - 1, flush=True)
        listener.accept()
        """

    @Test("a thread's switches are read again only when it has run since")
    func switches() throws {
        let fake = try fakeServer()
        try fake.write("42/task/42/stat", statLine(pid: 42, comm: "python3", state: "S"))
        let sampler = try ProcessSampler(pid: 42, proc: fake.proc)
        func voluntary() throws -> Int? {
            try sampler.sample(at: .init(nanoseconds: 0)).threads.first?.voluntarySwitches
        }
        #expect(try voluntary() == 12)
        try fake.overwrite("42/task/42/status", "voluntary_ctxt_switches:\t13\nnonvoluntary_ctxt_switches:\t3\n")
        #expect(try voluntary() == 12)
        try fake.overwrite("42/task/42/schedstat", "1500000000 2000000 78\n")
        #expect(try voluntary() == 13)
    }
}

@Suite("Loops and families")
struct LoopThreadsTests {
    private func sample(_ seconds: Int64, _ threads: [(Int32, String, Int64)]) -> ProcessSample {
        ProcessSample(
            time: Moment(nanoseconds: seconds * 1_000_000_000), pid: 42, name: "server", cpu: .zero, age: .zero,
            residentBytes: 0,
            threads: threads.map { ThreadSample(tid: $0.0, name: $0.1, cpu: .milliseconds($0.2), state: "S") })
    }

    @Test("NIO's threads are loops by their name; each window has their CPU since the one before")
    func nio() {
        var loops = LoopThreads()
        #expect(loops.windows(to: sample(1, [(42, "server", 5), (43, "NIO-ELT-0-#0", 10)]), hasEpoll: true).isEmpty)
        let windows = loops.windows(
            to: sample(2, [(42, "server", 9), (43, "NIO-ELT-0-#0", 980), (44, "NIO-ELT-0-#1", 4)]), hasEpoll: true)
        #expect(windows.count == 1)
        #expect(windows.first?.thread == "NIO-ELT-0-#0" && windows.first?.threadCPU == .milliseconds(970))
        #expect(windows.first?.length == .seconds(1) && windows.first?.grade == .sampled)
        #expect(windows.first?.busy == nil && windows.first?.ticks == nil)
    }

    @Test("else the main thread is one, if the process waits through epoll")
    func main() {
        for hasEpoll in [true, false] {
            var loops = LoopThreads()
            _ = loops.windows(to: sample(1, [(42, "uvicorn", 5), (43, "pool", 0)]), hasEpoll: hasEpoll)
            let windows = loops.windows(to: sample(2, [(42, "uvicorn", 3), (43, "pool", 0)]), hasEpoll: hasEpoll)
            #expect(windows.map(\.thread) == (hasEpoll ? ["uvicorn"] : []))
            #expect(windows.allSatisfy { $0.threadCPU == .zero }, "time that runs backwards is no time")
        }
    }

    @Test("a master's workers are found, nearest first, and a circle ends")
    func tree() throws {
        let fake = try FakeProc()
        for (pid, parent) in [(10, 1), (11, 10), (12, 10), (13, 11), (20, 21), (21, 20)] as [(Int32, Int32)] {
            try fake.write("\(pid)/stat", statLine(pid: pid, comm: "gunicorn", parent: parent))
        }
        let tree = ProcessTree(fake.proc)
        #expect(tree.descendants(of: 10) == [11, 12, 13])
        #expect(tree.descendants(of: 13) == [])
        #expect(tree.descendants(of: 20) == [21])
        #expect(tree.children(of: 1) == [10])
    }
}
