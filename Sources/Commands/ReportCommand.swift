import Analysis
import ArgumentParser
import Foundation
import Observations
import Recording
import Reports
import Session

/// The forms a report can take.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text, json, html, svg, folded
}

/// `loopscope report RECORDING`: everything a session showed, again, in any form.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Draw up the report of a recording, in any form.",
        discussion: """
            Examples:
              loopscope report server.loopscope
              loopscope report server.loopscope --format html --output report.html
              loopscope report server.loopscope --format folded | flamegraph.pl > flame.svg
            """)

    @Argument(help: ArgumentHelp("A recording, as --save writes it.", valueName: "recording"))
    var path: String

    @Option(help: ArgumentHelp("text, json, html, svg or folded.", valueName: "name"))
    var format: ReportFormat?

    @Option(name: .shortAndLong, help: ArgumentHelp("Write to a file instead of standard output.", valueName: "file"))
    var output: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if common.json, let format, format != .json {
            throw ValidationError("--json and --format \(format.rawValue) ask for two forms: give one of them")
        }
    }

    func run() async throws {
        let world = World.current
        let source = try Recordings.open(path)
        let report = try Recordings.reading { try SessionRunner.report(of: source) }
        let text = ReportFiles.render(
            report, as: common.json ? .json : format ?? .text, style: common.style(world), colours: output == nil)
        if let output {
            try ReportFiles.write(text, to: output)
            common.progress("wrote \(output)", in: world)
        } else {
            world.output(text)
        }
        try EarlyExit.end(with: ExitReason(report.verdict(failOn: common.failOn.severity)))
    }
}

/// Opening recordings, with errors as a command needs them.
enum Recordings {
    static func open(_ path: String) throws -> Recording { try reading { try Recording(path: path) } }

    /// Runs `body`; a recording's error becomes a command's.
    static func reading<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as RecordingError { throw CommandError(error) }
    }
}

extension CommandError {
    /// A recording's error with its exit code.
    init(_ error: RecordingError) {
        self.init(
            error.what, why: error.why, do: error.remedy,
            status: ExitReason(rawValue: error.exitCode) ?? .internalError)
    }
}

/// Reports as files.
enum ReportFiles {
    static func render(
        _ report: ReportDocument, as format: ReportFormat, style: TextStyle, colours: Bool
    ) -> String {
        switch format {
        case .text: TextReport(report, style: colours ? style : TextStyle(colours: false)).text
        case .json: JSONReport.value(report).text(pretty: true) + "\n"
        case .html: html(report)
        case .svg:
            FlameSVG(FlameTree(report.profile.stacks, view: .thread), title: report.start?.description ?? "").text
        case .folded: FoldedStacks.text(report.profile.stacks)
        }
    }

    /// The self-contained page.
    static func html(_ report: ReportDocument) -> String { HTMLReport.render(report) }

    /// Appends to a file, which is made if it is not there.
    static func append(_ text: String, to path: String) throws {
        let old = FileManager.default.contents(atPath: path) ?? Data()
        try write(String(decoding: old, as: UTF8.self) + text, to: path)
    }

    /// Writes a file whole or not at all.
    static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandError(
                "cannot write \(path.plain())", why: error.fileTrouble.plain(),
                do: "give a file in a folder that exists and may be written", status: .usage)
        }
    }
}
