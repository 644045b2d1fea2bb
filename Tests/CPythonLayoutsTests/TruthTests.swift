import PythonTargets
import RemoteProcess
import TargetMemory
import Testing

@testable import CPythonLayouts

/// What `fixtures/cpython/truth.py` knows of itself.
struct Truth: Decodable {
    var version: UInt32
    var runtime: UInt64
    var tid: Int32
    var values: UInt64
    var many: UInt64
    var tasks: Int
    var current: String
    var plain: String
    var chains: [String: [String]]
    var chat: UInt64
    var handlers: UInt64
    var dispatchLine: Int
    var handlerLine: Int
    var types: [String: Int]
    var stack: [String]
}

@Suite("Objects of a live CPython", .enabled(if: !Interpreter.all.isEmpty, "no CPython 3.9 to 3.14 was found"))
struct TruthTests {
    /// The target, what it knows, and a reader of it.
    static func start(_ interpreter: Interpreter, count: Int = 10) throws -> (PythonTarget, Truth, ObjectReader) {
        let target = try PythonTarget("truth", ["\(count)"], on: interpreter)
        let truth: Truth = try target.truth()
        let memory = ProcessMemory(pid: target.pid)
        let layout =
            try DebugOffsets(runtime: truth.runtime, memory)?.layout()
            ?? PythonLayout.table(for: PythonVersion(hex: truth.version))
        return (target, truth, ObjectReader(PageSnapshot(of: memory), layout: layout))
    }

    @Test("what the debug offsets say is what the table says", arguments: Interpreter.all.filter { $0.minor >= 13 })
    func debugOffsets(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        #expect(reader.layout == (try PythonLayout.table(for: PythonVersion(hex: truth.version))))
    }

    @Test("every kind of value is read as it is", arguments: Interpreter.all)
    func values(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        func value(_ name: String) throws -> RemoteAddress {
            try #require(try reader.attribute(name, of: truth.values))
        }
        #expect(try reader.integer(value("small")) == 42)
        #expect(try reader.integer(value("negative")) == -7)
        #expect(try reader.integer(value("large")) == 1 << 40)
        #expect(try reader.integer(value("huge")) == nil)
        #expect(try reader.string(value("text")) == "plain")
        #expect(try reader.string(value("latin")) == "Zürich")
        #expect(try reader.string(value("wide")) == "漢字🐍")
        #expect(try reader.string(value("wide"), limit: 2) == "漢字")
        #expect(try reader.string(value("empty")) == "")
        #expect(try reader.string(value("small")) == nil)
        #expect(try reader.float(value("ratio")) == 1.5)
        #expect(try reader.boolean(value("yes")) == true)
        #expect(try reader.boolean(value("no")) == false)
        #expect(try reader.isNone(value("none")))
        #expect(try reader.bytes(value("raw")) == Array("bytes\0here".utf8))
        #expect(try reader.tuple(value("tuple"))?.count == 3)
        #expect(try reader.list(value("list"))?.map { try reader.integer($0) } == [1, 2, 3])
        #expect(Set(try reader.set(value("set"))?.map { try reader.string($0) } ?? []) == ["a", "b", "c"])
        #expect(try reader.integer(#require(try reader.value("two", in: value("dict")))) == 2)
        #expect(try reader.integer(#require(try reader.value("three", in: value("mixed")))) == 3)
        #expect(try reader.dict(value("thousand"))?.count == 1000)
        #expect(try reader.integer(#require(try reader.value("999", in: value("thousand")))) == 999)
        #expect(try reader.attribute("a59", of: truth.many).map { try reader.integer($0) } == 59)
        guard case .partial(_, let arguments) = try reader.callable(value("partial")) else {
            Issue.record("not a partial")
            return
        }
        #expect(try reader.tuple(arguments)?.map { try reader.string($0) } == ["x"])
        guard case .method(let function, let receiver) = try reader.callable(value("method")) else {
            Issue.record("not a method")
            return
        }
        #expect(try reader.qualifiedName(ofFunction: function) == "ChatConsumer.dispatch")
        #expect(try reader.qualifiedName(#require(try reader.type(of: receiver))) == "__main__.ChatConsumer")
        #expect(try reader.attribute("first", of: value("slotted")) == nil)
    }

    @Test("a class tells its bases, its members and their code", arguments: Interpreter.all)
    func classes(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        let type = try #require(try reader.type(at: truth.chat))
        #expect(try reader.mro(type).map(\.name) == ["ChatConsumer", "Base", "object"])
        let own = try #require(try reader.resolve("dispatch", in: type))
        #expect(own.owner.name == "ChatConsumer")
        let inherited = try #require(try reader.resolve("handle", in: type))
        #expect(inherited.owner.name == "Base")
        let address = try #require(try reader.code(ofFunction: own.member))
        let code = try #require(try reader.code(address))
        #expect(code.name == "dispatch")
        #expect(code.firstLine == truth.dispatchLine)
        #expect(code.fileName == "<string>")
        #expect(code.localNames.prefix(2) == ["self", "message"])
    }

    @Test("the `except` that covers a call is found, and only an `except`", arguments: Interpreter.all)
    func handlers(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        func code(_ name: String) throws -> CodeObject {
            let type = try #require(try reader.type(at: truth.handlers))
            let member = try #require(try reader.member(name, of: type))
            let address = try #require(try reader.code(ofFunction: member))
            return try #require(try reader.code(address))
        }
        func line(_ name: String) throws -> Int? {
            let code = try code(name)
            let call = try #require(try reader.awaits(of: code).first)
            return try reader.handlers(of: code)
                .line(catching: ["Exception", "BaseException", "StopConsumer"], raisedAt: call)
                .map { $0 - code.firstLine }
        }
        #expect(try line("typed") == 3)
        #expect(try line("second_clause") == 5)
        #expect(try line("bare") == 3)
        #expect(try line("one_of_many") == 3)
        #expect(try line("inner") == 4)
        #expect(try line("only_finally") == nil)
        #expect(try line("inside_finally") == 4)
        #expect(try line("in_a_with") == nil)
        #expect(try line("with_inside") == 4)
        #expect(try line("other_error") == nil)
        #expect(try line("none") == nil)
    }

    @Test("every task is found, with its whole chain", arguments: Interpreter.all)
    func tasks(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        let codes = CodeTable()
        let main = try #require(try reader.interpreters(runtime: truth.runtime).last)
        let asyncio = try #require(try reader.asyncio(interpreter: main))
        let tasks = try reader.tasks(of: asyncio, interpreter: main)
        #expect(tasks.count == truth.tasks)
        var seen: [String: [String]] = [:]
        for task in tasks {
            let chain = try reader.chain(of: task.coroutine, codes)
            seen[task.name] = try chain.links.map { try reader.qualifiedName($0) }
            #expect(task.state == .pending)
            #expect(chain.isExecuting == (task.name == truth.current))
            #expect((task.waiter == 0) == (task.name == truth.current))
        }
        for (name, chain) in truth.chains { #expect(seen[name] == chain, "\(name)") }
        #expect(seen[truth.plain] == ["sleep"])
        #expect(try reader.currentTasks(of: asyncio).count <= 1)
    }

    @Test("a frame's locals are found by name, cells opened", arguments: Interpreter.all)
    func locals(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        let codes = CodeTable()
        let main = try #require(try reader.interpreters(runtime: truth.runtime).last)
        let asyncio = try #require(try reader.asyncio(interpreter: main))
        let tasks = try reader.tasks(of: asyncio, interpreter: main)
        let task = try #require(tasks.first { $0.name == "consumer-0" })
        let links = try reader.chain(of: task.coroutine, codes).links
        let scope = try reader.local("scope", of: links[0].frame)
        #expect(try reader.string(#require(try reader.value("path", in: scope))) == "/ws/0")
        let result = try reader.local("result", of: links[1].frame)
        #expect(try reader.string(#require(try reader.value("type", in: result))) == "websocket.connect")
        // `super()` makes `__class__` a free variable.
        let cell = try reader.local("__class__", of: links[2].frame)
        #expect(cell == truth.chat)
        #expect(links[2].frame.line == truth.dispatchLine + 2)
        #expect(try reader.local("missing", of: links[2].frame) == 0)
    }

    @Test("a thread's stack is read to its end, with its kernel id", arguments: Interpreter.all)
    func stack(interpreter: Interpreter) throws {
        let (target, truth, reader) = try Self.start(interpreter)
        defer { target.end() }
        let main = try #require(try reader.interpreters(runtime: truth.runtime).last)
        let thread = try #require(try reader.threads(interpreter: main).last)
        #expect(thread.tid == truth.tid)
        let names = try reader.stack(ofThread: thread.state, CodeTable()).map(\.code.name)
        #expect(Array(names.suffix(truth.stack.count)) == truth.stack)
    }
}
