public import ArgumentParser
import Glibc
import Synchronization

/// The command `loopscope`: one verb per file.
public struct Loopscope: AsyncParsableCommand {
    /// The tool's version.
    public static let version = "0.1.0"

    /// Name, teaching text, and the verbs grouped by job.
    public static let configuration = CommandConfiguration(
        commandName: "loopscope",
        abstract: "Says which consumer, file and line keeps a realtime server at 100 % CPU, and the fix.",
        discussion: """
            Start here:
              loopscope demo            the whole job on a server of its own, in 5 s
              loopscope explain LS001   what a finding means, and its fix

            Every command that prints a result takes --json. Exit codes: 0 clean, 1 findings, 2 regression, \
            3 inconclusive, 64 usage, 65 and 66 bad input, 69 no target, 70 internal, 77 permission, 130 interrupted.
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(name: "See it work", subcommands: [DemoCommand.self, ServeCommand.self]),
            CommandGroup(
                name: "Look at a running server",
                subcommands: [
                    AttachCommand.self, TopCommand.self, TasksCommand.self, DumpCommand.self, DoctorCommand.self,
                ]),
            CommandGroup(
                name: "Put a server to the test",
                subcommands: [
                    RunCommand.self, ReplayCommand.self, GateCommand.self, InitCommand.self, AgentCommand.self,
                ]),
            CommandGroup(name: "Report", subcommands: [ReportCommand.self, ExplainCommand.self]),
        ])

    /// A command without a verb: its help is printed.
    public init() {}

    /// Runs the command line of this process and exits with its code.
    public static func main(in world: World) async -> Never {
        // A reader that closes the pipe (`| head`) is no reason to die by a signal in the middle of a recording.
        signal(SIGPIPE, SIG_IGN)
        Glibc.exit(await code(of: Array(CommandLine.arguments.dropFirst()), in: world))
    }

    /// The exit code of a command line: loopscope's own, or that of a server whose code was to be passed on.
    public static func code(of arguments: [String], in world: World) async -> Int32 {
        let passed = Mutex<Int32?>(nil)
        let receiver = PassedCode.Receiver { code in passed.withLock { $0 = code } }
        let status = await PassedCode.$receiver.withValue(receiver) {
            await run(arguments, in: world)
        }
        return passed.withLock { $0 } ?? status.rawValue
    }

    /// Runs a command line in a world; never exits the process.
    public static func run(_ arguments: [String], in world: World) async -> ExitReason {
        await World.$current.withValue(world) {
            do {
                if let dump = QuickDump(arguments) {
                    try dump.run(in: world)
                    return .clean
                }
                var command = try parseAsRoot(arguments)
                if var verb = command as? any AsyncParsableCommand {
                    try await verb.run()
                } else {
                    try command.run()
                }
                return .clean
            } catch {
                return report(error, in: world)
            }
        }
    }

    /// Prints an error as a person needs it, and gives its exit code.
    private static func report(_ error: any Error, in world: World) -> ExitReason {
        if let status = error as? EarlyExit { return status.status }
        if let error = error as? CommandError {
            world.error(error.text)
            return error.status
        }
        let code = exitCode(for: error)
        let text = fullMessage(for: error)
        switch code {
        case .success:
            world.output(text.isEmpty ? "" : text + "\n")
            return .clean
        case .validationFailure:
            world.error(text + "\n")
            return .usage
        default:
            world.error(CommandError("\(error)", status: .internalError).text)
            return .internalError
        }
    }
}

/// Ends a command that has printed everything with a code other than 0.
struct EarlyExit: Error {
    let status: ExitReason

    /// Throws unless the status is clean.
    static func end(with status: ExitReason) throws {
        if status != .clean { throw EarlyExit(status: status) }
    }
}
