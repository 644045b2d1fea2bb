import ArgumentParser
import Foundation
import Gate
import Observations
import Reports
import Scenarios

/// The files a gate writes for the machines that read them.
struct GateFiles: ParsableArguments {
    @Option(help: ArgumentHelp("Write JUnit XML.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Write SARIF 2.1.0.", valueName: "file"))
    var sarif: String?

    @Option(help: ArgumentHelp("Write Markdown, within the limits of a pull request's comment.", valueName: "file"))
    var markdown: String?

    @Flag(help: "Print GitHub's annotations, and append to its step summary. On by itself in GitHub Actions.")
    var github = false

    /// Writes what was asked for.
    ///
    /// - Throws: a `CommandError` when a file cannot be written.
    func write(_ verdict: GateVerdict, scenario: String, status: ExitReason, _ world: World) throws {
        let root = world.environment["GITHUB_WORKSPACE"] ?? FileManager.default.currentDirectoryPath
        if let junit { try ReportFiles.write(GateJUnit.text(verdict, name: scenario), to: junit) }
        if let sarif {
            let value = GateSARIF.value(verdict, tool: Loopscope.version, root: root)
            try ReportFiles.write(value.text(pretty: true) + "\n", to: sarif)
        }
        if let markdown {
            let text = GateMarkdown.text(
                verdict, name: scenario, status: status.gateWord, root: root, limit: GateMarkdown.commentLimit)
            try ReportFiles.write(text, to: markdown)
        }
        guard github || world.environment["GITHUB_ACTIONS"] == "true" else { return }
        // Standard output may be a JSON document: the runner reads commands from both streams.
        world.error(GateGitHub.annotations(verdict, root: root))
        if let summary = world.environment["GITHUB_STEP_SUMMARY"], !summary.isEmpty {
            let text = GateMarkdown.text(
                verdict, name: scenario, status: status.gateWord, root: root, limit: GateMarkdown.summaryLimit)
            try ReportFiles.append(text, to: summary)
        }
    }
}

/// A budget in a file.
enum BudgetFile {
    static func read(_ path: String) throws -> Budget {
        let text = try ScenarioFile.text(of: path, what: "budget")
        do throws(ScenarioError) {
            return try Budget(yaml: text)
        } catch {
            throw CommandError(error, in: path)
        }
    }
}

/// A baseline in a file.
enum BaselineFile {
    /// Reads it; `nil` when there is none.
    static func read(_ path: String) throws -> Baseline? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }  // nothing was written
            return try Baseline(file: try file.read(upToCount: Baseline.sizeLimit) ?? Data())
        } catch let error as DecodingError {
            throw CommandError(
                "\(path.plain()) is no baseline of loopscope", why: Self.words(error),
                do: "write it anew with --update-baseline", status: .wrongContent)
        } catch {
            throw CommandError(
                "cannot read the baseline \(path.plain())", why: error.fileTrouble.plain(),
                do: "name a readable file with --baseline", status: .unreadable)
        }
    }

    private static func words(_ error: DecodingError) -> String {
        switch error {
        case .dataCorrupted(let context): context.debugDescription.plain(limit: 200)
        case .keyNotFound(let key, _): "it has no `\(key.stringValue.plain(limit: 60))`"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "`\(context.codingPath.map(\.stringValue).joined(separator: ".").plain(limit: 100))` has the wrong type"
        @unknown default: "it cannot be decoded"
        }
    }

    /// Whether it can be written, before a run is spent on it.
    ///
    /// - Throws: a `CommandError` when it cannot.
    static func check(_ path: String) throws {
        var place = URL(filePath: path)
        let exists = { FileManager.default.fileExists(atPath: $0) }
        while !exists(place.path), place.path != "/" { place = place.deletingLastPathComponent() }
        guard FileManager.default.isWritableFile(atPath: place.path), !path.hasPrefix("/proc/") else {
            throw CommandError(
                "cannot write \(path.plain())", why: "\(place.path.plain()) may not be written",
                do: "name another place with --baseline", status: .usage)
        }
    }

    /// Writes it, and the folder it lies in.
    static func write(_ baseline: Baseline, to path: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)  // the write will say
        try ReportFiles.write(String(decoding: try baseline.file(), as: UTF8.self), to: path)
    }
}
