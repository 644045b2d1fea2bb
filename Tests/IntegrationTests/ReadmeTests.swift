import Commands
import Foundation
import Synchronization
import Testing

/// The commands of the README's first screens are run as a newcomer would run them.
@Suite("README", .serialized)
struct ReadmeTests {
    /// A command line and the lines shown under it.
    struct Example {
        let arguments: [String]
        let shown: [String]
    }

    static let text =
        (try? String(contentsOf: Fixtures.repository.appendingPathComponent("README.md"), encoding: .utf8)) ?? ""

    /// The `console` blocks: `$ loopscope …`, then what it prints.
    static var examples: [Example] {
        text.components(separatedBy: "```console\n").dropFirst().compactMap { block in
            let lines = block.components(separatedBy: "```")[0].split(separator: "\n").map(String.init)
            guard let first = lines.first, first.hasPrefix("$ loopscope ") else { return nil }
            return Example(
                arguments: first.dropFirst(12).split(separator: " ").map(String.init), shown: Array(lines.dropFirst()))
        }
    }

    private func run(_ arguments: [String]) async -> (status: ExitReason, output: String) {
        let printed = Mutex("")
        let world = World(output: { text in printed.withLock { $0 += text } }, error: { _ in })
        let status = await Loopscope.run(arguments, in: world)
        return (status, printed.withLock { $0 })
    }

    @Test("every loopscope command it names is one that there is")
    func commands() async {
        let names = Set(Self.text.matches(of: /loopscope ([a-z]+)/).map { String($0.output.1) })
        #expect(names.count > 5)
        for name in names { #expect(await run([name, "--help"]).status == .clean, "loopscope \(name)") }
    }

    @Test("the demo shows what the README says")
    func demo() async throws {
        let example = try #require(Self.examples.first { $0.arguments == ["demo"] })
        let folder = FileManager.default.temporaryDirectory.appending(path: "readme-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (status, output) = await run(
            example.arguments + ["--output", folder.path + "/report.html", "--save", folder.path + "/demo.loopscope"])
        #expect(status == .clean)
        for line in example.shown { #expect(output.contains(line)) }
    }

    @Test(
        "attached to the server of its first screen, it says what the README says",
        .enabled(if: PythonEnvironment.preferred != nil, Comment(rawValue: PythonEnvironment.absence)))
    func attach() async throws {
        let example = try #require(Self.examples.first { $0.arguments.first == "attach" })
        let python = try #require(PythonEnvironment.preferred)
        try await ServerFixture.with(ServerLaunch(server: .uvicornWebsockets, python: python)) { server in
            _ = try await ChurnClient.churn(server, "/ws/swallow", connections: 3)
            let arguments = example.arguments.map { $0 == "4711" ? "\(server.pid)" : $0 } + ["--duration", "3"]
            let (status, output) = await run(arguments)
            #expect(status == .findings)
            #expect(output.contains(try #require(example.shown.first)))
            #expect(output.contains(try #require(example.shown.first { $0.hasPrefix("    fix") })))
            #expect(output.contains(try #require(example.shown.first { $0.hasSuffix("--timeout-graceful-shutdown") })))
            // The lines of the source are the file's own.
            for line in example.shown where line.contains(#/^ +>? +\d+ /#) { #expect(output.contains(line), "\(line)") }
            #expect(output.contains("3 consumers still dispatching websocket.disconnect for closed connections"))
        }
    }
}
