import Analysis
import ArgumentParser
import Reports

/// When colours are written.
enum ColourChoice: String, ExpressibleByArgument, CaseIterable, Sendable {
    case auto, always, never

    /// The style that it means here.
    func style(_ world: World) -> TextStyle {
        switch self {
        case .always: TextStyle(colours: true)
        case .never: TextStyle(colours: false)
        case .auto:
            TextStyle(
                colours: world.outputIsTerminal && (world.environment["NO_COLOR"] ?? "").isEmpty
                    && world.environment["TERM"] != "dumb")
        }
    }
}

/// `--fail-on`: the least severity that makes the exit code 1.
enum FailOn: String, ExpressibleByArgument, CaseIterable, Sendable {
    case low, medium, high, critical, never

    var severity: Severity? { Severity(rawValue: rawValue) }
}

/// Flags that mean the same on every command that prints a result.
struct CommonOptions: ParsableArguments {
    @Flag(help: "Print the result as JSON (schema loopscope/report/1).")
    var json = false

    @Option(help: ArgumentHelp("Least severity that makes the exit code 1.", valueName: "severity"))
    var failOn: FailOn = .high

    @Flag(name: .shortAndLong, help: "Print the result only: no progress.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more about what is done.")
    var verbose = false

    @Option(help: ArgumentHelp("Colours: auto, always or never. NO_COLOR is respected.", valueName: "when"))
    var color: ColourChoice = .auto

    /// The style of this command's output.
    func style(_ world: World) -> TextStyle { color.style(world) }

    /// Prints a report in the form asked for.
    func print(_ report: ReportDocument, in world: World) {
        world.output(
            json
                ? JSONReport.value(report).text(pretty: true) + "\n" : TextReport(report, style: style(world)).text)
    }

    /// Says what is being done: on stderr, and only to a terminal or when asked.
    func progress(_ text: String, in world: World) {
        if !quiet, world.errorIsTerminal || verbose { world.error(text + "\n") }
    }
}
