import ArgumentParser
import Observations
import Reports
import Session

/// `loopscope top`: the findings, loops, consumers, tasks and functions of a running server, live.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch a running server: findings, loops, consumers, tasks, hot functions.",
        discussion: """
            Reads as attach does, and shows the last five seconds. q or Ctrl-C ends it; the findings are then printed.

            Example: loopscope top --pid 4711
            """)

    @OptionGroup var target: TargetOptions

    @Option(help: ArgumentHelp("Frames a second, 2 to 10.", valueName: "hz"))
    var refresh = 4.0

    @Option(help: ArgumentHelp("Stack samples a second, or max.", valueName: "hz"))
    var rate = SampleRate(hertz: 100)

    @Option(help: ArgumentHelp("Keep the recording.", valueName: "file"))
    var save: String?

    @Option(help: ArgumentHelp("Colours: auto, always or never. NO_COLOR is respected.", valueName: "when"))
    var color: ColourChoice = .auto

    func validate() throws {
        if !(refresh >= 2 && refresh <= 10) { throw ValidationError("--refresh is 2 to 10 frames a second") }
    }

    func run() async throws {
        let world = World.current
        guard world.outputIsTerminal, let terminal = Terminal() else {
            throw CommandError(
                "top needs a terminal", why: "standard output is not one",
                do: "`loopscope attach --follow` prints each finding as a line of JSON", status: .usage)
        }
        let pid = try await target.resolve()
        let attached = try AttachTarget(pid: pid, rate: rate.hertz)
        let style = style(world)
        let screen = LiveScreen(
            terminal: terminal, style: style, command: "loopscope top", pause: .seconds(1 / refresh))
        terminal.enter()
        defer { terminal.leave() }
        let outcome = try await Interrupts.cancel {
            try await SessionRunner(save: save, replacing: true).run(attached.probe) { session in
                await screen.show(session)
            }
        }
        terminal.leave()
        world.output(TextReport(outcome.report, style: style).verdict.joined(separator: "\n") + "\n")
    }

    private func style(_ world: World) -> TextStyle {
        switch color {
        case .always: TextStyle(colours: true)
        case .never: TextStyle(colours: false)
        case .auto:
            TextStyle(colours: (world.environment["NO_COLOR"] ?? "").isEmpty && world.environment["TERM"] != "dumb")
        }
    }
}
