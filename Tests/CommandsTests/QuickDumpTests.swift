import ArgumentParser
import Testing

@testable import Commands

@Suite("A plain dump")
struct QuickDumpTests {
    @Test(
        "is what the argument parser would have made of it",
        arguments: [
            ["dump", "--pid", "4711"], ["dump", "-p", "4711"], ["dump", "--blocking", "--pid", "4711", "--json"],
            ["dump", "--json", "--json", "-p", "1"],
        ])
    func same(arguments: [String]) throws {
        let quick = try #require(QuickDump(arguments))
        let parsed = try #require(try Loopscope.parseAsRoot(arguments) as? DumpCommand)
        #expect(quick.pid == parsed.target.pid)
        #expect(quick.isBlocking == parsed.blocking)
        #expect(quick.json == parsed.common.json)
        #expect(!parsed.native && parsed.target.find == nil && parsed.common.color == .auto)
    }

    @Test(
        "is left to the argument parser when anything else is said",
        arguments: [
            [], ["dump"], ["dump", "--help"], ["dump", "--find", "uvicorn"], ["dump", "--pid", "4711", "--native"],
            ["dump", "--pid"], ["dump", "--pid", "x"], ["dump", "--pid", "0"], ["dump", "--pid", "-4"],
            ["dump", "--pid", "99999999999"], ["dump", "--pid", "1", "--pid", "2"], ["tasks", "--pid", "4711"],
            ["dump", "--pid", "4711", "extra"], ["dump", "--pid=4711"], ["dump", "--pid", "4711", "--color", "never"],
        ])
    func other(arguments: [String]) { #expect(QuickDump(arguments) == nil) }
}
