import Analysis
import Foundation
import Synchronization
import Testing

@testable import Commands

/// What a command printed.
final class Printed: Sendable {
    private let state = Mutex<(output: String, error: String)>(("", ""))
    var output: String { state.withLock { $0.output } }
    var error: String { state.withLock { $0.error } }

    func world(terminal: Bool = false, environment: [String: String] = [:]) -> World {
        World(
            output: { text in self.state.withLock { $0.output += text } },
            error: { text in self.state.withLock { $0.error += text } }, outputIsTerminal: terminal,
            errorIsTerminal: terminal, environment: environment, wallClock: { 1_795_600_800 })
    }
}

/// Runs a command line in a world of its own.
func loopscope(_ arguments: String...) async -> (status: ExitReason, printed: Printed) {
    let printed = Printed()
    return (await Loopscope.run(arguments, in: printed.world()), printed)
}

/// The same for words that are in a list.
func loopscope(_ arguments: [String]) async -> (status: ExitReason, printed: Printed) {
    let printed = Printed()
    return (await Loopscope.run(arguments, in: printed.world()), printed)
}

@Suite("Command line")
struct CommandTests {
    @Test("the exit codes are those that are documented")
    func exitCodes() {
        #expect(
            ExitReason.allCases.map(\.rawValue) == [0, 1, 2, 3, 64, 65, 66, 69, 70, 77, 130])
        #expect(ExitReason(Verdict.clean) == .clean)
        #expect(ExitReason(Verdict.findings(worst: .high)) == .findings)
        #expect(ExitReason(Verdict.inconclusive(why: "")) == .inconclusive)
    }

    @Test("--version prints the version and nothing else")
    func version() async {
        let run = await loopscope("--version")
        #expect(run.status == .clean && run.printed.output == "\(Loopscope.version)\n" && run.printed.error.isEmpty)
    }

    @Test("--help teaches where to start and names every exit code")
    func help() async {
        let run = await loopscope("--help")
        #expect(run.status == .clean)
        #expect(run.printed.output.contains("loopscope demo"))
        for status in ExitReason.allCases { #expect(run.printed.output.contains("\(status.rawValue)")) }
    }

    @Test("top without a terminal is an error that names the command for pipes")
    func topNeedsTerminal() async {
        let run = await loopscope("top", "--pid", "1")
        #expect(run.status == .usage && run.printed.error.contains("attach --follow"))
        #expect(await loopscope("top", "--pid", "1", "--refresh", "50").status == .usage)
    }

    @Test(
        "a wrong flag is a usage error that says what to do", arguments: [["--nonsense"], ["explain", "--x"], ["fly"]])
    func usage(arguments: [String]) async {
        let printed = Printed()
        let status = await Loopscope.run(arguments, in: printed.world())
        #expect(status == .usage)
        #expect(printed.output.isEmpty && printed.error.contains("--help"))
    }

    @Test("an error says what, why and what to do")
    func errorText() {
        let error = CommandError("cannot attach", why: "yama", do: "run as root", status: .notPermitted)
        #expect(error.text == "error: cannot attach\n  why: yama\n   do: run as root\n")
    }
}

@Suite("explain")
struct ExplainTests {
    @Test("lists every code, and explains each")
    func list() async {
        let run = await loopscope("explain")
        #expect(run.status == .clean)
        for line in run.printed.output.split(separator: "\n") {
            let code = String(line.prefix(5))
            let page = await loopscope("explain", code)
            #expect(page.status == .clean && page.printed.output.hasPrefix(code))
        }
    }

    @Test("an unknown code is a usage error, and its escapes stay text")
    func unknown() async {
        let run = await loopscope("explain", "LS\u{1B}[2J")
        #expect(run.status == .usage && !run.printed.error.contains("\u{1B}"))
    }

    @Test("the pages in docs/findings are those of the detectors")
    func pages() async throws {
        var folder = URL(filePath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        folder.append(path: "docs/findings")
        let codes = await loopscope("explain").printed.output.split(separator: "\n").map { String($0.prefix(5)) }
        for code in [nil] + codes {
            let page = await loopscope(["explain"] + (code.map { [$0] } ?? []) + ["--markdown"]).printed.output
            let file = folder.appending(path: "\(code ?? "README").md")
            if ProcessInfo.processInfo.environment["LOOPSCOPE_GOLDEN"] == "update" {
                try Data(page.utf8).write(to: file)
            }
            #expect(
                try String(decoding: Data(contentsOf: file), as: UTF8.self) == page,
                "`make golden` writes \(file.lastPathComponent) anew")
        }
    }
}
