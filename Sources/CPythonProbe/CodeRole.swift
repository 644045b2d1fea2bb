import CPythonLayouts

/// What a function is to a census, by its name and file: told once for each code object, since a census asks it of tens of
/// thousands of frames.
struct CodeRole: OptionSet {
    let rawValue: UInt32

    /// The user's own: neither the standard library nor an installed package.
    static let application = CodeRole(rawValue: 1 << 0)
    /// Of an installed package.
    static let installed = CodeRole(rawValue: 1 << 1)
    /// `await_many_dispatch` (channels/utils.py), which gives a consumer its messages.
    static let dispatchLoop = CodeRole(rawValue: 1 << 2)
    /// `__call__` of a consumer (channels/consumer.py).
    static let consumerCall = CodeRole(rawValue: 1 << 3)
    /// A layer's `receive` (channels/layers.py, channels_redis): what it receives from is alive.
    static let layerReceive = CodeRole(rawValue: 1 << 4)
    /// `Server.serve` (uvicorn/server.py), which runs for as long as the server does.
    static let uvicornServer = CodeRole(rawValue: 1 << 5)
    /// `worker_serve` (hypercorn/asyncio/run.py), likewise.
    static let hypercornServer = CodeRole(rawValue: 1 << 6)
    /// `SyncToAsync.__call__` (asgiref/sync.py): a coroutine waits for synchronous code.
    static let bridgeCall = CodeRole(rawValue: 1 << 7)
    /// `SyncToAsync.thread_handler` (asgiref/sync.py): a thread runs it.
    static let bridgeThread = CodeRole(rawValue: 1 << 8)
    /// `asyncio.wait` (asyncio/tasks.py).
    static let wait = CodeRole(rawValue: 1 << 9)

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(name: String, fileName: String) {
        var role: CodeRole = []
        if fileName.holds("/site-packages/") || fileName.holds("/dist-packages/") {
            role = .installed
        } else if !fileName.hasPrefix("<"), !fileName.holds("/lib/python3") {
            role = .application
        }
        func add(_ more: CodeRole, where found: Bool) { if found { role.insert(more) } }
        switch name {
        case "await_many_dispatch": add(.dispatchLoop, where: fileName.hasSuffix("channels/utils.py"))
        case "receive":
            add(
                .layerReceive,
                where: fileName.hasSuffix("channels/layers.py") || fileName.holds("/channels_redis/"))
        case "serve": add(.uvicornServer, where: fileName.hasSuffix("uvicorn/server.py"))
        case "worker_serve": add(.hypercornServer, where: fileName.hasSuffix("hypercorn/asyncio/run.py"))
        case "__call__":
            add(.consumerCall, where: fileName.hasSuffix("channels/consumer.py"))
            add(.bridgeCall, where: fileName.hasSuffix("asgiref/sync.py"))
        case "thread_handler": add(.bridgeThread, where: fileName.hasSuffix("asgiref/sync.py"))
        case "wait": add(.wait, where: fileName.hasSuffix("asyncio/tasks.py"))
        default: break
        }
        self = role
    }
}

extension CodeTable {
    /// An empty table, whose code objects know their roles.
    static func withRoles(comparesTexts: Bool = false) -> CodeTable {
        CodeTable(comparesTexts: comparesTexts) { CodeRole(name: $0, fileName: $1).rawValue | CodeObject.knowsRole }
    }
}

extension CodeObject {
    /// Marks that are a role, which may be none of all.
    fileprivate static let knowsRole: UInt32 = 1 << 31

    /// What it is to a census: told by its table, or else found out each time.
    var role: CodeRole {
        marks & Self.knowsRole == 0
            ? CodeRole(name: name, fileName: fileName) : CodeRole(rawValue: marks & ~Self.knowsRole)
    }

    /// Whether it is the user's own: neither the standard library nor an installed package.
    var isApplication: Bool { role.contains(.application) }
}
