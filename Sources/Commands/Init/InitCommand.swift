import ArgumentParser
import Foundation
import Observations
import Reports

/// `loopscope init`: a scenario, a budget and a workflow for the project in a folder.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a scenario, a budget and a CI workflow for the project in this folder.",
        discussion: """
            Looks for a Django Channels or Starlette application, or a Swift package on loopscope's runtime; reads its files \
            and runs none of them. What is there already is kept.

            Examples:
              loopscope init
              loopscope init --dry-run backend
            """)

    @Argument(help: ArgumentHelp("The project's folder.", valueName: "folder"))
    var folder = "."

    @Flag(help: "Print what would be written, and write nothing.")
    var dryRun = false

    @Flag(help: "Replace files that are there already.")
    var force = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() async throws {
        let world = World.current
        guard let project = ProjectFinder(ProjectFolder(folder)).find() else {
            throw CommandError(
                "no project that can be gated was found in \(folder.plain())",
                why:
                    "looked for a module with `ProtocolTypeRouter(`, `Starlette(` or `FastAPI(`, and for a Package.swift that "
                    + "depends on RealtimeServer",
                do: "give the folder that has manage.py or pyproject.toml, or write a scenario yourself: "
                    + "docs/formats/scenario.md",
                status: .unreadable)
        }
        let files = InitFiles(project: project)
        var (written, kept): ([String], [String]) = ([], [])
        for (path, text) in files.all {
            if !force, FileManager.default.fileExists(atPath: folder + "/" + path) {
                kept.append(path)
                continue
            }
            written.append(path)
            if dryRun {
                if !json { world.output("--- \(path)\n\(text)\n") }
            } else {
                try write(text, to: path)
            }
        }
        let next = files.gate(interpreter: project.interpreter ?? "python")
        world.output(
            json ? value(project, written, kept, next).text(pretty: true) + "\n" : text(project, written, kept, next))
    }

    private func write(_ text: String, to path: String) throws {
        let file = URL(filePath: folder).appending(path: path)
        try? FileManager.default.createDirectory(  // the write will say
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try ReportFiles.write(text, to: file.path)
    }

    private func text(_ project: Project, _ written: [String], _ kept: [String], _ next: String) -> String {
        let what =
            project.kind == .embedded
            ? "executable \(project.application)" : "\(project.server.rawValue) \(project.application)"
        var lines = ["found: \(project.kind.rawValue), \(what)".plain(limit: 200)]
        lines += project.routes.map { "       \($0.path.plain(limit: 100))  (\($0.place.plain(limit: 100)))" }
        if project.routes.isEmpty { lines.append("       no WebSocket route was found: give its path in the scenario") }
        if project.checksOrigin { lines.append("       its handshakes are given `Origin: http://localhost`") }
        lines += project.remarks.map { "       \($0.plain(limit: 300))" }
        lines += written.map { "\(dryRun ? "would write" : "wrote"): \($0)" }
        lines += kept.map { "kept: \($0), which was there already (--force replaces it)" }
        if !folder.isEmpty, folder != "." { lines.append("next, in \(folder.plain()):") } else { lines.append("next:") }
        return (lines + ["  \(next)", ""]).joined(separator: "\n")
    }
}
