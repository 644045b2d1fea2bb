import Clocks
import Glibc
import Observations
import PythonTargets
import RemoteProcess
import Testing

@testable import CPythonProbe

@Suite("Stopping the target for each sample", .serialized)
struct BlockingTests {
    /// Whether processes may be traced here at all.
    static let mayTrace: Bool = {
        guard let target = Interpreter.all.last.flatMap({ try? PythonTarget("wait", on: $0) }) else { return false }
        defer { target.end() }
        return ThreadStopper(tid: target.pid).stop() == .stopped
    }()

    @Test(
        "no sample is read twice, and each stop is counted", .enabled(if: mayTrace, "ptrace is not permitted here"),
        arguments: Interpreter.all)
    func grammar(interpreter: Interpreter) throws {
        let target = try PythonTarget("grammar", ["30"], on: interpreter)
        defer { target.end() }
        let grammar: Grammar = try target.truth()
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: 500, isBlocking: true)
        // The first window finds where the frames are.
        _ = sampler.run(until: .now() + .milliseconds(100))
        let window = sampler.run(until: .now() + .milliseconds(400))
        #expect(window.quality.taken > 0)
        #expect(window.quality.lost == 0)
        #expect(window.stops == window.quality.taken)
        #expect(window.stacks.allSatisfy { grammar.fault(in: $0.stack) == nil })
        let state = try ThreadState(of: target.pid, in: target.pid).read()
        #expect(state?.state == UInt8(ascii: "R"), "it goes on")
    }

    @Test("signals reach the target as if nobody watched", .enabled(if: mayTrace, "ptrace is not permitted here"))
    func signals() throws {
        let interpreter = try #require(Interpreter.all.last)
        let target = try PythonTarget("signals", on: interpreter)
        defer { target.end() }
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: nil, isBlocking: true)
        for number in 1...50 {
            kill(target.pid, SIGUSR1)
            _ = sampler.run(until: .now() + .milliseconds(2))
            try #require(try target.readLine() == "\(number)")
        }
    }

    @Test(
        "a target that is killed while it stands still is said to have ended",
        .enabled(if: mayTrace, "ptrace is not permitted here"))
    func killedWhileStopped() throws {
        let interpreter = try #require(Interpreter.all.last)
        let target = try PythonTarget("grammar", ["10"], on: interpreter)
        let stopper = ThreadStopper(tid: target.pid)
        #expect(stopper.stop() == .stopped)
        kill(target.pid, SIGKILL)
        stopper.release()
        target.end()
        #expect(stopper.stop() == .ended)
    }

    /// The kills come at other moments of a stop each time.
    @Test(
        "a target that is killed while it is stopped and let go all the time ends the window",
        .enabled(if: mayTrace, "ptrace is not permitted here"), arguments: 0..<8)
    func killedBetweenStops(round: Int) throws {
        let interpreter = try #require(Interpreter.all.first)
        let target = try PythonTarget("grammar", ["10"], on: interpreter)
        let sampler = StackSampler(try PythonProcess(pid: target.pid), rate: nil, isBlocking: true)
        let before = sampler.run(until: .now() + .milliseconds(20))
        let pid = target.pid
        OwnThread.run("killer") {
            Moment.sleep(until: .now() + .microseconds(Int64(3_000 + 37 * round)))
            kill(pid, SIGKILL)
        }
        let window = sampler.run(until: .now() + .seconds(60))
        #expect(window.isGone)
        #expect(before.stops + window.stops > 0)
        target.end()
    }

    @Test("a thread that has ended is said to have, and one that another traces to be refused")
    func outcomes() throws {
        #expect(ThreadStopper(tid: 0x3FFF_FFFF).stop() == .ended)
        let own = ThreadStopper(tid: getpid())
        #expect(own.stop() == .refused)
        #expect(own.stops == 0)
    }
}
