import Foundation
import ProcessFixtures
import Testing

@testable import RemoteProcess

@Suite("Who a process is")
struct ProcTests {
    @Test(
        "a name may hold spaces, parentheses and line ends",
        arguments: ["bash", "a b", "weird) S 1 (", "((", "))", "new\nline", "", "é"])
    func comm(name: String) throws {
        let stat = try #require(ProcStat(parsing: Array(statLine(pid: 42, comm: name, state: "R", parent: 7).utf8)))
        #expect(stat.comm == name)
        #expect(stat.pid == 42)
        #expect(stat.state == "R")
        #expect(stat.parent == 7)
        #expect((stat.userTicks, stat.systemTicks) == (12, 34))
        #expect(stat.threads == 3)
        #expect(stat.startTicks == 777)
        #expect(stat.residentPages == 250)
    }

    @Test("a line cut short anywhere is no line, or the same one")
    func truncation() {
        let line = Array(statLine(pid: 42, comm: "a (b) c").utf8)
        for length in line.indices {
            if let stat = ProcStat(parsing: Array(line[..<length])) {
                #expect(stat.startTicks == 777 && stat.residentPages <= 250)
            }
        }
        #expect(ProcStat(parsing: Array(") 1 (".utf8)) == nil)
    }

    @Test(
        "numbers are whole, and never wrap",
        arguments: [
            ("0", 0), ("-128", -128), ("127", 127), ("128", nil), ("-129", nil), ("", nil), ("-", nil), ("+1", nil),
            ("1 ", nil), ("99999999999999999999999", nil),
        ])
    func numbers(text: String, value: Int8?) {
        #expect(Int8(ascii: text.utf8) == value)
    }

    @Test("the same process stays the same; exec, exit and a reused pid are told apart")
    func fates() throws {
        let fake = try FakeProc(["42/stat": statLine(pid: 42, comm: "python3"), "a": "", "b": ""])
        try fake.link("42/exe", to: fake.folder.appending(path: "a").path)
        let identity = try ProcessIdentity(of: 42, in: fake.proc)
        #expect(identity.stillTheSame(in: fake.proc))

        try fake.link("42/exe", to: fake.folder.appending(path: "b").path)
        #expect(identity.fate(in: fake.proc) == .replaced)
        try fake.write("42/stat", statLine(pid: 42, comm: "python3", start: 778))
        #expect(identity.fate(in: fake.proc) == .reused)
        try fake.write("42/stat", statLine(pid: 42, comm: "python3", state: "Z", threads: 1))
        #expect(identity.fate(in: fake.proc) == .exited)
        try FileManager.default.removeItem(at: fake.folder.appending(path: "42"))
        #expect(identity.fate(in: fake.proc) == .exited)
        #expect(throws: ProcError.self) { try ProcessIdentity(of: 42, in: fake.proc) }
    }

    @Test("a leader that is a zombie while another of its threads calls exec has not exited")
    func execByAnotherThread() throws {
        let fake = try FakeProc(["42/stat": statLine(pid: 42, comm: "python3")])
        let identity = try ProcessIdentity(of: 42, in: fake.proc)
        try fake.write("42/stat", statLine(pid: 42, comm: "python3", state: "Z", threads: 2))
        #expect(identity.fate(in: fake.proc) == .same)
    }

    @Test("a live process is itself until it execs")
    func live() throws {
        let child = try Child("/bin/sh", ["-c", "echo ready; read go; exec /bin/cat"])
        let identity = try ProcessIdentity(of: child.pid)
        #expect(identity.stillTheSame())
        try child.say("go")
        while identity.stillTheSame() {}
        #expect(identity.fate() == .replaced)
        child.end()
        #expect(identity.fate() == .exited)
    }

    @Test("reads have a limit, and a missing file names its path")
    func limits() throws {
        let fake = try FakeProc(["1/maps": String(repeating: "x", count: 10_000)])
        #expect(try fake.proc.read(1, "maps", limit: 100).count == 100)
        #expect(try fake.proc.read(1, "maps").count == 10_000)
        let error = #expect(throws: ProcError.self) { try fake.proc.read(1, "stat") }
        #expect(error?.isGone == true)
        #expect(error?.description == "\(fake.folder.path)/1/stat: No such file or directory")
        try fake.write("20/x", "")
        try fake.write("3/x", "")
        try fake.write("self/x", "")
        #expect(try fake.proc.numbers(in: fake.proc.root) == [1, 3, 20])
    }
}
