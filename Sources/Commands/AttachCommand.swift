import AgentProbe
import Analysis
import ArgumentParser
import Observations
import Reports
import Session

/// How often stacks are sampled: `100`, or `max`.
struct SampleRate: ExpressibleByArgument, Sendable {
    /// Samples a second; `nil` without a pause.
    var hertz: Double?

    init(hertz: Double?) { self.hertz = hertz }

    init?(argument: String) {
        if argument == "max" {
            hertz = nil
            return
        }
        // What a loop is doing is told from its last sample: fewer than ten a second would leave verdicts blind.
        guard let number = Double(argument), number >= 10, number <= 1e6 else { return nil }
        hertz = number
    }

    var defaultValueDescription: String { hertz.map { "\(Int($0))" } ?? "max" }
}

/// `loopscope attach`: observe a running process and its workers.
struct AttachCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Observe a running server, without a change to it: verdict, ticks, tasks, hot functions.",
        discussion: """
            Reads the process's memory; never writes to it unless --exact is given, never stops it unless --blocking is. Without a target the servers of this \
            machine are listed, and a lone one is taken. On a terminal it goes on until Ctrl-C, else for 10 s.

            Examples:
              loopscope attach --pid 4711
              loopscope attach --find uvicorn --duration 5 --save sick.loopscope
              loopscope attach --agent /dev/shm/loopscope
            """)

    @OptionGroup var target: TargetOptions

    @Option(
        help: ArgumentHelp(
            """
            Read what the agent counts into this folder (`loopscope agent install`). Alone it needs no permission but to read \
            its files; with --pid the processes are read too.
            """, valueName: "dir"))
    var agent: String?

    @Flag(
        help: """
            Count every event of the connections that come from now on. THIS WRITES TO THE TARGET: three words of its memory \
            ask CPython 3.14 or later to load the agent (PEP 768), which replaces functions of the server, Channels and \
            asyncio until the session ends; then they are put back.
            """)
    var exact = false

    @Option(
        help: ArgumentHelp("Observe for so long. Default: until Ctrl-C on a terminal, else 10.", valueName: "seconds"))
    var duration: Double?

    @Option(help: ArgumentHelp("Stack samples a second, 10 to 1000000, or max.", valueName: "hz"))
    var rate = SampleRate(hertz: 100)

    @Flag(
        help: """
            Stop each thread while its stack is read, for some 60 µs a sample: no sample is read twice, and the target \
            is slower (at 100 Hz by about 1 %, at 1000 Hz by 5 to 10 %).
            """)
    var blocking = false

    @Flag(help: "Observe until the process ends.")
    var untilExit = false

    @Flag(help: "Print each finding as a line of JSON as soon as it stands.")
    var follow = false

    @Option(help: ArgumentHelp("Keep the recording.", valueName: "file"))
    var save: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let duration, !(duration > 0 && duration < 1e9) {
            throw ValidationError("--duration is a number of seconds above 0")
        }
        if exact, agent != nil {
            throw ValidationError("--exact loads an agent, --agent reads one that is there: give one")
        }
        if untilExit, duration != nil { throw ValidationError("--until-exit and --duration exclude each other") }
    }

    func run() async throws {
        let world = World.current
        let door = exact ? try await ExactDoor.open(to: target.resolve()) : nil
        do {
            let status = try await observe(door, world)
            await door?.leave(world)
            try EarlyExit.end(with: status)
        } catch let error where !(error is EarlyExit) {
            await door?.leave(world)
            throw error
        }
    }

    private func observe(_ door: ExactDoor?, _ world: World) async throws -> ExitReason {
        let attached = try await open(door)
        for remark in attached.remarks { world.error("note: \(remark.plain())\n") }
        let length = limit(world)
        common.progress(
            "observing \(attached.name.plain())"
                + (length.map { " for \($0.formatted)" } ?? "; Ctrl-C ends with the report"),
            in: world)
        let runner = SessionRunner(save: save, replacing: true) { tell($0, world) }
        let outcome = try await Interrupts.cancel {
            try await runner.run(attached.probe) { _ in
                try? await Task.sleep(for: length ?? .seconds(1_000_000_000))  // ended by Ctrl-C or by the target
            }
        }
        if !follow { common.print(outcome.report, in: world) }
        return status(of: outcome, wasLimited: length != nil)
    }

    /// The probes of the target that was asked for.
    private func open(_ door: ExactDoor?) async throws -> AttachTarget {
        if let door {
            return try AttachTarget(
                pid: door.pid, rate: rate.hertz, isBlocking: blocking, agent: door.folder, isJoined: true,
                writes: door.writes)
        }
        guard let agent else {
            return try AttachTarget(pid: try await target.resolve(), rate: rate.hertz, isBlocking: blocking)
        }
        let folder = try AgentFolder(reading: agent)
        guard target.pid != nil || target.find != nil else { return AttachTarget(counted: folder) }
        let pid = try await target.resolve()
        return try AttachTarget(pid: pid, rate: rate.hertz, isBlocking: blocking, agent: folder, isJoined: true)
    }

    private func limit(_ world: World) -> Duration? {
        if let duration { return .seconds(duration) }
        return untilExit || world.outputIsTerminal ? nil : .seconds(10)
    }

    /// A finding, the moment it stands.
    private func tell(_ finding: Finding, _ world: World) {
        if follow {
            world.output(JSONReport.finding(finding).text() + "\n")
        } else if !common.quiet, world.errorIsTerminal {
            world.error(TextReport.text(of: finding, style: common.style(world)) + "\n\n")
        }
    }

    /// Ctrl-C ends an unlimited session as it should end; one that had a time was cut short.
    private func status(of outcome: SessionOutcome, wasLimited: Bool) -> ExitReason {
        let verdict = ExitReason(outcome.report.verdict(failOn: common.failOn.severity))
        return verdict == .clean && outcome.end.reason == .interrupted && wasLimited ? .interrupted : verdict
    }
}

extension Duration {
    /// `5 s`.
    fileprivate var formatted: String { "\((Nanoseconds(self).seconds * 10).rounded() / 10) s" }
}
