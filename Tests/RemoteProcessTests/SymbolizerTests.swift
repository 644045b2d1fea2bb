import Foundation
import ProcessFixtures
import Glibc
import Observations
import Testing

@testable import RemoteProcess

@Suite("Symbolizer")
struct SymbolizerTests {
    @inline(never)
    private static func knownPlace() -> (line: Int, stack: [UInt64]) {
        (#line, Thread.callStackReturnAddresses.map { UInt64($0.uintValue) })
    }

    @Test("our own Swift code has a readable name, a file, a line, and the line of its declaration")
    func own() throws {
        let (line, stack) = Self.knownPlace()
        let frames = Symbolizer.own.frames(for: [0] + stack)
        let index = try #require(frames.lastIndex { $0.function == "SymbolizerTests.knownPlace()" })
        #expect(frames[index].file == #filePath)
        #expect(frames[index].line == line)
        #expect(frames[index - 1].function == "SymbolizerTests.own()")
        #expect(frames[index - 1].line == line + 5)
        let address = stack[frames.count - 2 - index] - 1
        let declaration = CodeLocation(function: "SymbolizerTests.knownPlace()", file: #filePath, line: line - 1)
        #expect(Symbolizer.own.location(of: address) == declaration)
    }

    @Test("a library without lines gives a name and no line")
    func library() throws {
        let address = UInt64(UInt(bitPattern: dlsym(nil, "getpid")))
        let symbol = Symbolizer.own.symbol(at: address + 1)
        #expect(symbol.start == address)
        #expect(symbol.function.hasSuffix("getpid"))
        #expect(symbol.binary?.contains("libc.so") == true)
    }

    @Test("a return address is looked up one byte before, and frames come outermost first")
    func frames() throws {
        let getpid = UInt64(UInt(bitPattern: dlsym(nil, "getpid")))
        let getppid = UInt64(UInt(bitPattern: dlsym(nil, "getppid")))
        let frames = Symbolizer.own.frames(for: [getpid, getppid + 1])
        #expect(
            frames.map(\.function)
                == ["getppid", "getpid"].map { name in frames.first { $0.function.hasSuffix(name) }?.function ?? name })
        #expect(frames.allSatisfy { $0.kind == .native })
    }

    @Test("what is not mapped is a number", arguments: [0, 1, UInt64.max])
    func nowhere(address: UInt64) {
        let symbol = Symbolizer.own.symbol(at: address)
        #expect(symbol.function == "0x" + String(address, radix: 16))
        #expect(symbol.line == nil && symbol.start == nil)
    }

    @Test("another process is named through its own files")
    func other() throws {
        let child = try Child("/bin/sh", ["-c", "echo ready; read end"])
        let maps = try MemoryMaps(of: child.pid)
        let libc = try #require(maps.files.first { $0.path.contains("/libc.so") })
        let file = try ElfFile(of: libc, in: child.pid)
        let read = try #require(file.symbol("read"))
        let bias = try #require(file.loadBias(of: libc))
        let symbol = Symbolizer(pid: child.pid).symbol(at: read.address + bias + 2)
        #expect(symbol.function.hasSuffix("read"))
    }
}

@Suite("Swift names")
struct SwiftNameTests {
    @Test(
        "a name says where one is, and no more",
        arguments: [
            ("App.ChatConsumer.dispatch(App.Message) async throws -> ()", "ChatConsumer.dispatch(_:)"),
            (
                "(2) await resume partial function for App.ChatConsumer.dispatch(App.Message) async -> ()",
                "ChatConsumer.dispatch(_:)"
            ),
            (
                "static App.Loop.run(until: Swift.Int, (Swift.Int, Swift.Int) -> Swift.Bool, _: A) -> ()",
                "Loop.run(until:_:_:)"
            ),
            ("App.main() -> ()", "main()"),
            (
                "closure #1 (inout Swift.Int) -> () in App.Loop.run<A where A: App.P>(until: [A]) -> A",
                "closure #1 in Loop.run(until:)"
            ),
            (
                "implicit closure #3 () -> Swift.Bool in closure #2 (Swift.Int) -> () in App.f() -> ()",
                "implicit closure #3 in closure #2 in f()"
            ),
            ("inner #1 (x: Swift.Int) -> () in App.f() -> ()", "inner #1 in f()"),
            ("App.Loop.count.getter : Swift.Int?", "Loop.count.getter"),
            ("App.(Hidden in _0123ABCD).value.setter : Swift.Int", "Hidden.value.setter"),
            ("(extension in App):Swift.Array.chunks(of: Swift.Int) -> [[A]]", "Array.chunks(of:)"),
            ("static App.Moment.< infix(App.Moment, App.Moment) -> Swift.Bool", "Moment.<"),
            (
                "generic specialization <Swift.Int, (Swift.Int) -> Swift.Bool> of Swift.Array.append(__owned A) -> ()",
                "Array.append(_:)"
            ),
            ("protocol witness for App.P.f(x: Swift.Int) -> () in conformance App.C : App.P in App", "P.f(x:)"),
            ("partial apply forwarder for closure #1 () -> () in App.f() -> ()", "closure #1 in f()"),
            ("App.Loop.start.modify : App.Moment with unmangled suffix \".resume.0\"", "Loop.start.modify"),
            ("App.Loop.init(a: (Swift.Int, b: Swift.Int) -> (), c: Swift.Int) -> App.Loop", "Loop.init(a:c:)"),
            (
                "static App.(Hidden in _01).f(App.(Worker in _01), x: (App.(Worker in _01)) -> ()) -> ()",
                "Hidden.f(_:x:)"
            ),
            ("outlined destroy of App.Loop", "outlined destroy of App.Loop"),
            ("App.", "App."), ("", ""), ("((((", "(_:)"), ("a<b", "a"),
        ])
    func shortened(full: String, short: String) {
        #expect(SwiftName.shortened(full) == short)
    }

    @Test("C names stay, Swift symbols are demangled")
    func readable() {
        #expect(SwiftName.readable("epoll_wait") == "epoll_wait")
        #expect(SwiftName.readable("$s3App4mainyyF") == "main()")
        #expect(SwiftName.readable("$s") == "$s")
    }
}
