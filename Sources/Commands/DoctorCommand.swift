public import ArgumentParser
import CPythonProbe
import Observations
public import Policy
import ProcessProbe
import Replay
import RemoteProcess
import Reports
import Session

/// `loopscope doctor`: what this machine allows, whether a process can be observed, and how a server treats its clients.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say how a server treats its clients, what this machine allows, or why a process cannot be observed.",
        discussion: """
            With a URL, the server's policies are found out from outside, all at the same time, within a minute: pings, \
            clients that vanish, slow or silent ones, the closing handshake, sizes, compression. With a command after `--` \
            it is launched, asked the same, and told to end twice: with well-behaved clients, and with stubborn ones. \
            What is found stands beside known servers, with one line of advice each. With --pid: whether that process \
            can be observed, and if not, the one thing that helps. The machine is told of each time.

            Examples:
              loopscope doctor
              loopscope doctor --pid 4711
              loopscope doctor ws://127.0.0.1:8000/ws/chat/ --hanging-path /ws/never/
              loopscope doctor --path /ws/chat/ -- uvicorn --port 0 app:application
            """)

    @Argument(help: ArgumentHelp("The server and the path it accepts WebSockets on.", valueName: "url"))
    var url: String?

    @OptionGroup var target: TargetOptions
    @OptionGroup var options: DoctorOptions

    @Flag(help: "Print the result as JSON (schema loopscope/doctor/1).")
    var json = false

    @Flag(name: .shortAndLong, help: "Print the result only: no progress.")
    var quiet = false

    @Option(help: ArgumentHelp("Colours: auto, always or never. NO_COLOR is respected.", valueName: "when"))
    var color: ColourChoice = .auto

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A server to launch, after `--`.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if let url, DoctorTarget(url: url) == nil {
            throw ValidationError(
                "a URL is like ws://127.0.0.1:8000/ws/ (TLS is not spoken), not \(url.plain(limit: 100))")
        }
        if !command.isEmpty, target.pid != nil || target.find != nil {
            throw ValidationError("--pid and a command both say what the server is")
        }
        if json, url == nil, command.isEmpty, target.pid != nil || target.find != nil {
            throw ValidationError("--json is for a URL, a command, or the machine alone")
        }
    }

    func run() async throws {
        let world = World.current
        let machine = MachineReading.read().rows(connections: options.connections)
        let text = DoctorText(style: color.style(world))
        var row: PolicyRow?
        if url != nil || !command.isEmpty {
            let visit = DoctorVisit(options, isQuiet: quiet, world: world)
            let address = url.flatMap { DoctorTarget(url: $0) }
            let (pid, command) = (target.pid, command)
            row = try await Interrupts.cancel {
                command.isEmpty
                    ? try await visit.row(of: address, pid: pid) : try await visit.row(launching: command, at: address)
            }
        }
        let family = ServerFamily(row.flatMap { $0.software } ?? command.joined(separator: " "))
        if json {
            let value = DoctorJSON.value(
                server: row, family: family, machine: machine, references: PolicyReference.rows, tool: Loopscope.version
            )
            return world.output(value.text(pretty: true) + "\n")
        }
        if let row {
            let asked = PolicyQuestion.allCases.filter { row.answers[$0] != nil }
            world.output(text.server(row, family: family, asked: asked, beside: PolicyReference.rows) + "\n")
        } else if target.pid != nil || target.find != nil {
            try ProcessCheck(world: world).say(try await target.resolve())
            world.output("\n")
        }
        world.output(text.machine(machine))
        if row == nil, target.pid == nil, target.find == nil {
            world.output(
                "next: \(world.program) doctor --pid PID, doctor ws://127.0.0.1:PORT/PATH, or doctor -- COMMAND\n")
        }
    }
}

/// How a server is asked.
struct DoctorOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The path on which a launched server accepts WebSockets.", valueName: "path"))
    var path = "/"

    @Option(help: ArgumentHelp("A path whose connect() neither accepts nor refuses.", valueName: "path"))
    var hangingPath: String?

    @Option(
        help: ArgumentHelp(
            "A field of each handshake, such as `Cookie: sessionid=…`. May be repeated.", valueName: "field"))
    var header: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Ask nothing but these: \(PolicyQuestion.names).", valueName: "questions"))
    var only: [PolicyQuestion] = []

    @Option(help: ArgumentHelp("How long finding out may take, all in all.", valueName: "seconds"))
    var within = 60.0

    @Option(help: ArgumentHelp("Connections that the machine, and a server on it, are to hold.", valueName: "number"))
    var connections = 1000

    @Option(help: ArgumentHelp("Ask this host, which is not this machine: you vouch for it.", valueName: "host"))
    var iOwnThisHost: String?

    @Option(help: ArgumentHelp("How long a launched server may take to listen.", valueName: "seconds"))
    var readyWithin = 30.0

    @Option(help: ArgumentHelp("How long a launched server may take to end.", valueName: "seconds"))
    var exitWithin = 10.0

    func validate() throws {
        for (name, value) in [("--ready-within", readyWithin), ("--exit-within", exitWithin), ("--within", within)] {
            guard value > 0, value <= 3600 else { throw ValidationError("\(name) is 0 to 3600 seconds") }
        }
        guard 1...1_000_000 ~= connections else { throw ValidationError("--connections is 1 to 1 000 000") }
        for path in [path, hangingPath ?? "/"] where !path.hasPrefix("/") {
            throw ValidationError("a path begins with /, unlike \(path.plain(limit: 100))")
        }
        for field in header where !field.dropFirst().contains(":") {
            throw ValidationError("--header is like `Cookie: sessionid=1`, not \(field.plain(limit: 100))")
        }
    }

    /// What is asked.
    var questions: [PolicyQuestion] { only.isEmpty ? PolicyQuestion.allCases : only }

    /// The fields, taken apart.
    var fields: [(name: String, value: String)] {
        header.compactMap { field in
            guard let colon = field.firstIndex(of: ":") else { return nil }
            return (String(field[..<colon]), String(field[field.index(after: colon)...].drop { $0 == " " }))
        }
    }
}

extension PolicyQuestion: ExpressibleByArgument {
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// A server and the path it accepts WebSockets on.
struct DoctorTarget: Hashable, Sendable {
    var endpoint: Endpoint
    var path: String

    init(endpoint: Endpoint, path: String) { (self.endpoint, self.path) = (endpoint, path) }

    /// Reads `ws://HOST[:PORT]/path?query`.
    init?(url: String) {
        guard var endpoint = Endpoint(url: url), let scheme = url.firstIndex(of: ":") else { return nil }
        // Unlike a scenario's, this path is whole: with its slash at the end, and its query.
        endpoint.prefix = ""
        let rest = url[scheme...].dropFirst(3).prefix { $0 != "#" }
        let path = rest.drop { $0 != "/" && $0 != "?" }
        self.init(endpoint: endpoint, path: path.hasPrefix("/") ? String(path) : "/" + path)
    }
}
