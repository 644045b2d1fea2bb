import CPythonLayouts
import Observations
import TargetMemory

/// Counts what a WSGI process makes for `async_to_sync`, by counters that are in its memory anyway.
///
/// * `concurrent.futures.thread.ThreadPoolExecutor._counter`, the bound `__next__` of an `itertools.count`, numbers every
///   executor. asgiref makes one, with one thread and one event loop, for each outermost call
///   (asgiref/sync.py `AsyncToSync.__call__`).
/// * `nr` of gunicorn's worker numbers the requests it has served (gunicorn/workers/base.py).
/// * The standard library's server counts nothing, but answers one request per connection
///   (wsgiref/simple_server.py `WSGIRequestHandler.handle`): no more than the kernel has accepted in its namespace.
///
/// One thread.
struct BridgeCounters {
    private let process: PythonProcess
    private let reader: ObjectReader
    private let codes = CodeTable()
    private var executors: Int?
    private var requests: Int?
    private var connections: Int?

    /// Readings of which one is wanted during which nothing was made.
    private static let tries = 8
    /// How often more a counter of requests is looked for that has never been found.
    private var patience = 32

    init(_ process: PythonProcess) {
        self.process = process
        reader = ObjectReader(process.memory, layout: process.layout)
    }

    /// What was made and served since the last call; the first call says that counting has begun. Nothing where asgiref
    /// is not loaded.
    mutating func events(at now: Moment) -> [BridgeEvent] {
        codes.beginWalk()
        reader.forgetTypes()
        guard let reading = steadyReading() else { return [] }
        var events: [BridgeEvent] = []
        func tell(_ kind: BridgeEvent.Kind, _ value: Int?, since before: inout Int?) {
            guard let value else { return }
            let (difference, overflow) = value.subtractingReportingOverflow(before ?? value)
            if !overflow, difference >= 0, before == nil || difference > 0 {
                events.append(BridgeEvent(time: now, pid: process.pid, kind: kind, count: difference))
            }
            before = value
        }
        tell(.threadCreated, reading.executors, since: &executors)
        tell(.request, reading.requests, since: &requests)
        if requests == nil { tell(.connection, reading.connections, since: &connections) }
        return events
    }

    /// All counters, of one moment.
    private struct Reading: Equatable {
        var executors: Int
        var requests: Int?
        var connections: Int?
    }

    /// Counters that are read one after the other belong together only if the first has not moved meanwhile: else some of
    /// a request's loops would be counted with the requests before it. Of a server that never rests, the last of some.
    private mutating func steadyReading() -> Reading? {
        let interpreter = process.mainInterpreter
        guard (try? reader.module("asgiref.sync", interpreter: interpreter)) ?? nil != nil else { return nil }
        var last: Reading?
        for _ in 0..<Self.tries {
            guard let made = (try? executorsMade(interpreter)) ?? nil else { continue }
            var reading = Reading(executors: made)
            reading.requests = requestsServed(interpreter)
            if reading.requests == nil, requests != nil || mayCountRequests(interpreter) { continue }
            if reading.requests == nil, answersOneRequestPerConnection(interpreter) {
                reading.connections = AcceptedConnections.count(of: process.pid)
            }
            if (try? executorsMade(interpreter)) == made { return reading }
            last = reading
        }
        return last
    }

    /// Whether this is gunicorn, whose worker counts requests, although its counter could not be read just now: what is
    /// made is counted from the same moment as what is served. Workers of other kinds never show it, so not for ever.
    private mutating func mayCountRequests(_ interpreter: RemoteAddress) -> Bool {
        guard requests == nil, patience > 0,
            (try? reader.module("gunicorn.workers.base", interpreter: interpreter)) ?? nil != nil
        else { return false }
        patience -= 1
        return true
    }

    private func executorsMade(_ interpreter: RemoteAddress) throws(RemoteReadError) -> Int? {
        guard let namespace = try reader.module("concurrent.futures.thread", interpreter: interpreter),
            let pool = try reader.value("ThreadPoolExecutor", in: namespace), let type = try reader.type(at: pool),
            let counter = try reader.member("_counter", of: type),
            try reader.type(of: counter)?.name == "method-wrapper"
        else { return nil }
        // Objects/descrobject.c wrapperobject: {head, descr, self}; Modules/itertoolsmodule.c countobject: {head, cnt, …}.
        let count = try reader.memory.pointer(counter &+ 24)
        guard try reader.type(of: count)?.name == "itertools.count" else { return nil }
        let value = try reader.memory.load(count &+ 16, as: Int64.self)
        // PY_SSIZE_T_MAX stands for a number that is an object.
        return value >= 0 && value < .max ? Int(value) : nil
    }

    /// Whether a thread serves with wsgiref's own server and handler: subclasses may keep connections alive.
    private func answersOneRequestPerConnection(_ interpreter: RemoteAddress) -> Bool {
        if connections != nil { return true }
        for thread in ((try? reader.threads(interpreter: interpreter)) ?? []).reversed() {
            guard let server = self.object(onStackOf: thread, in: "serve_forever", file: "socketserver.py"),
                let type = try? reader.type(of: server), let name = try? reader.qualifiedName(type),
                let handler = (try? reader.attribute("RequestHandlerClass", of: server)) ?? nil,
                let handlerType = try? reader.type(at: handler),
                let handlerName = try? reader.qualifiedName(handlerType)
            else { continue }
            return name == "wsgiref.simple_server.WSGIServer"
                && handlerName == "wsgiref.simple_server.WSGIRequestHandler"
        }
        return false
    }

    /// `nr` of the worker whose `run` is on some thread's stack: the main one's.
    private func requestsServed(_ interpreter: RemoteAddress) -> Int? {
        // Threads come and go all the time here, and the list of them may end early: it is read again.
        for _ in 0..<8 {
            for thread in ((try? reader.threads(interpreter: interpreter)) ?? []).reversed() {
                if let worker = worker(onStackOf: thread) { return (try? reader.number("nr", of: worker)) ?? nil }
            }
        }
        return nil
    }

    private func worker(onStackOf thread: PythonThread) -> RemoteAddress? {
        object(onStackOf: thread, in: "run", file: "gunicorn/workers/")
    }

    /// `self` of the innermost call of a method, by its name and a part of its file's.
    private func object(onStackOf thread: PythonThread, in method: String, file: String) -> RemoteAddress? {
        guard var address = try? reader.currentFrame(ofThread: thread.state) else { return nil }
        for _ in 0..<ObjectReader.depthLimit where address != 0 {
            if let frame = try? reader.frame(address, codes), frame.code.name == method,
                frame.code.fileName.contains(file), let object = try? reader.local("self", of: frame), object != 0
            {
                return object
            }
            address = (try? reader.outerFrame(of: address)) ?? 0
        }
        return nil
    }
}
