import ArgumentParser
import CPythonProbe
import Clocks
import NativeProbe
import Observations
import ProcessProbe
import RemoteProcess
import Reports

/// `loopscope dump`: the stacks of all threads, once.
struct DumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump", abstract: "Print the stacks of all threads and tasks of a running server, once.",
        discussion: """
            Tasks that wait at the same place are printed as one. Never stops the target, unless --blocking or --native is given. --native stops each thread for some 40 µs, \
            and works on any process.

            Example: loopscope dump --pid 4711
            """)

    @OptionGroup var target: TargetOptions

    @Flag(help: "Add the machine-code stack of each thread. Stops each for some 40 µs.")
    var native = false

    @Flag(help: "Stop each thread while its Python stack is read, for some 60 µs.")
    var blocking = false

    @Flag(inversion: .prefixedNo, help: "Print the chains of coroutines of asyncio's tasks too.")
    var tasks = true

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let world = World.current
        let pid = try await target.resolve()
        var dump = Dump()
        if !native || CandidateFinder().isPython(pid) {
            dump = try Self.python(pid, isBlocking: blocking, withTasks: tasks)
        }
        if native { dump.samples += try nativeStacks(of: pid, world) }
        Self.print(dump, json: common.json, style: common.style(world), in: world)
    }

    /// The native stack of each thread; a thread that ends meanwhile is left out.
    private func nativeStacks(of pid: Int32, _ world: World) throws -> [StackSample] {
        guard let reader = NativeStackReader(pid: pid), let sampler = try? ProcessSampler(pid: pid),
            let process = try? sampler.sample(at: .now(), sockets: false)
        else { throw CommandError("process \(pid) has ended", status: .unavailable) }
        let symbolizer = Symbolizer(pid: pid)
        var samples: [StackSample] = []
        var stopped = Nanoseconds.zero
        for thread in process.threads {
            do throws(NativeStackError) {
                let stack = try reader.stack(of: thread.tid)
                stopped = stopped + stack.stopped
                samples.append(
                    StackSample(
                        time: process.time, pid: pid, tid: thread.tid, thread: thread.name,
                        activity: thread.state == "R" ? .running : .idle,
                        stack: StackTrace(symbolizer.frames(for: stack.counters)), count: 1, weight: .zero))
            } catch {
                if error.isRefusal { throw AttachTarget.refusal(pid: pid) }
                world.error("note: \(error)\n".plainLine)
            }
        }
        common.progress("stopped \(samples.count) threads for \(stopped.microseconds) µs in all", in: world)
        return samples
    }
}

extension DumpCommand {
    /// What is printed.
    struct Dump {
        var samples: [StackSample] = []
        var tasks: [TaskCensus] = []
    }

    /// The Python stacks of a process and of its workers, threads and tasks.
    static func python(_ pid: Int32, isBlocking: Bool, withTasks: Bool) throws -> Dump {
        var dump = Dump()
        for process in try PythonProcesses.of(pid) {
            dump.samples += stacks(of: process, isBlocking: isBlocking)
            // A target that ends between the two is shown as far as it was seen.
            if withTasks, process.hasAsyncio, let census = try? CensusTaker(process).take(at: .now(), awaited: true),
                !census.tasks.groups.isEmpty
            {
                dump.tasks.append(census.tasks)
            }
        }
        return dump
    }

    /// Prints it in the form asked for.
    static func print(_ dump: Dump, json: Bool, style: TextStyle, in world: World) {
        guard !json else {
            return world.output(JSONReport.stacks(dump.samples, tasks: dump.tasks).text(pretty: true) + "\n")
        }
        var text = StacksText(dump.samples, style: style).text
        if !dump.tasks.isEmpty {
            if !text.isEmpty { text += "\n" }
            text += TasksText(tasks: dump.tasks, connections: [], style: style).text(tree: true)
        }
        world.output(text)
    }

    /// Most of the time that is spent on threads whose stack moves under the reader.
    private static let patience = Nanoseconds.milliseconds(50)

    /// The last stack seen of each thread. A thread that runs may need a few tries.
    static func stacks(of process: PythonProcess, isBlocking: Bool = false) -> [StackSample] {
        let sampler = StackSampler(process, rate: nil, isBlocking: isBlocking)
        let end = Moment.now() + patience
        var seen: [Int32: StackSample] = [:]
        var threads = Int.max
        while seen.count < threads, .now() < end {
            guard let window = try? sampler.once() else { break }
            for sample in window.stacks { seen[sample.tid] = sample }
            threads = sampler.threadsWatched
        }
        return seen.values.sorted { $0.tid < $1.tid }
    }
}
