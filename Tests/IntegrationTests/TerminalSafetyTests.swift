import Commands
import PythonTargets
import Synchronization
import Testing

/// A target may call its classes and files what it likes: none of it commands the terminal.
@Suite("Names of a target on a terminal", .serialized)
struct TerminalSafetyTests {
    @Test(
        "no control character of a name reaches the output",
        .enabled(if: !Interpreter.all.isEmpty, "no CPython 3.9 to 3.14 was found"),
        arguments: [["dump"], ["tasks"], ["tasks", "--tree"], ["attach", "--duration", "1"], ["dump", "--json"]])
    func names(command: [String]) async throws {
        let target = try PythonTarget("hostile", on: try #require(Interpreter.all.last))
        defer { target.end() }
        let printed = Mutex("")
        let world = World(
            output: { text in printed.withLock { $0 += text } }, error: { text in printed.withLock { $0 += text } })
        _ = await Loopscope.run(command + ["--pid", "\(target.pid)"], in: world)
        let output = printed.withLock { $0 }
        #expect(!output.isEmpty)
        let forbidden = output.unicodeScalars.filter {
            $0.properties.generalCategory == .control && $0 != "\n" || $0 == "\u{202E}"
        }
        #expect(forbidden.isEmpty)
    }
}
