import Commands
import Foundation
import Synchronization
import Testing

/// Targets that are not what one hoped: the message says what, why, and what to do.
@Suite("Choosing a target", .serialized)
struct AttachTargetTests {
    private func run(_ arguments: String...) async -> (status: ExitReason, output: String, error: String) {
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        let status = await Loopscope.run(arguments, in: world)
        return printed.withLock { (status, $0.0, $0.1) }
    }

    @Test("a process that is not there is 69", arguments: ["attach", "tasks", "dump", "doctor"])
    func missing(verb: String) async {
        let run = await run(verb, "--pid", "4194304")
        #expect(run.status == .unavailable && run.output.isEmpty)
        #expect(run.error.contains("  why: ") && run.error.contains("   do: "))
    }

    @Test(
        "a process that has ended and is not yet waited for is 69, and is said to be just that",
        arguments: ["attach", "tasks", "dump", "doctor"])
    func zombie(verb: String) async throws {
        // The shell becomes a program that does not know of its child, which ends when it sees that.
        let ended = "(until [ \"$(cat /proc/$$/comm)\" = cat ]; do :; done) & echo $!; exec cat"
        let parent = try ChildProcess(["sh", "-c", ended])
        let pid = try #require(try await parent.readLine())
        let isZombie = { (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8))?.contains(") Z ") ?? true }
        while !isZombie() { await Task.yield() }
        let run = await run(verb, "--pid", pid)
        _ = try await parent.finish()
        #expect(run.status == .unavailable && !run.output.contains("✓"))
        #expect(run.error.contains("it has ended; its parent has not yet asked how"), "\(run.error)")
    }

    @Test(
        "flags that contradict each other, or make no sense, are 64",
        arguments: [
            ["attach", "--pid", "1", "--find", "x"], ["attach", "--pid", "-4"],
            ["attach", "--pid", "1", "--duration", "0"],
            ["attach", "--pid", "1", "--rate", "fast"], ["attach", "--pid", "1", "--rate", "0.5"],
            ["attach", "--pid", "1", "--until-exit", "--duration", "3"],
            ["tasks", "--find", ""],
        ])
    func contradictions(arguments: [String]) async {
        let status = await Loopscope.run(arguments, in: World(output: { _ in }, error: { _ in }))
        #expect(status == .usage)
    }

    @Test("a pattern that no server matches is 69, and says what was looked for")
    func noMatch() async {
        let run = await run("attach", "--find", "no such server, surely")
        #expect(run.status == .unavailable && run.error.contains("no such server, surely"))
    }

    @Test("a process that runs no Python is still observed through /proc, with a line that says what more would need")
    func notPython() async throws {
        let other = try ChildProcess(["cat"])
        let attached = await run("attach", "--pid", "\(other.pid)", "--duration", "1", "--json")
        let tasks = await run("tasks", "--pid", "\(other.pid)")
        _ = try await other.finish()
        #expect(attached.status == .inconclusive)
        #expect(attached.output.contains("\"kind\": \"process\"") && attached.error.contains("runs no CPython"))
        #expect(tasks.status == .unavailable && tasks.error.contains("runs no CPython"))
    }

    @Test(
        "dump --native shows the machine code under the Python stack, dump alone does not",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func nativeStacks() async throws {
        let python = try #require(PythonEnvironment.preferred)
        let (plain, native) = try await ServerFixture.with(ServerLaunch(server: .uvicornSansio, python: python)) {
            server in
            (await run("dump", "--pid", "\(server.pid)"), await run("dump", "--pid", "\(server.pid)", "--native"))
        }
        #expect(plain.status == .clean && plain.output.contains("BaseEventLoop._run_once"))
        // Threads, and after them the tasks: the server's own has its whole chain.
        #expect(plain.output.contains("Task-1  waiting") && plain.output.contains("Server.serve ("))
        #expect(!plain.output.contains("native "))
        #expect(native.status == .clean && native.output.contains("BaseEventLoop._run_once"))
        #expect(native.output.contains("native ") && native.output.contains("epoll_wait"))
    }

    @Test(
        "a target that ends while it is observed ends the session with what was seen",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func targetExits() async throws {
        let python = try #require(PythonEnvironment.preferred)
        let launch = ServerLaunch(server: .uvicornSansio, python: python)
        let attaching = try await ServerFixture.with(launch) { server in
            let pid = server.pid
            let (seen, see) = AsyncStream.makeStream(of: Void.self)
            let printed = Mutex("")
            let world = World(
                output: { text in printed.withLock { $0 += text } }, error: { _ in see.yield() }, errorIsTerminal: true)
            let attaching = Task {
                let status = await Loopscope.run(["attach", "--pid", "\(pid)", "--until-exit", "--json"], in: world)
                return (status, printed.withLock { $0 })
            }
            for await _ in seen { break }  // it has begun
            return attaching
        }
        let (status, output) = await attaching.value
        #expect(output.contains("\"ended\": \"targetExited\""))
        #expect(status == .clean || status == .inconclusive)
    }
}
