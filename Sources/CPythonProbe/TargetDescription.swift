import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// What a process is, in words, as far as its imported modules tell:
/// `uvicorn 0.38.0 websockets/asyncio, CPython 3.13.5, Channels 4.3.2, RedisChannelLayer`.
struct TargetDescription {
    /// Servers, the outer one first: gunicorn runs uvicorn's worker.
    private static let servers = ["gunicorn", "uvicorn", "daphne", "hypercorn", "aiohttp"]
    /// Modules that only one implementation imports.
    private static let implementations = [
        ("uvicorn.protocols.websockets.websockets_sansio_impl", "websockets-sansio"),
        ("uvicorn.protocols.websockets.wsproto_impl", "wsproto"),
        ("uvicorn.protocols.websockets.websockets_impl", "websockets"),
    ]

    /// The description.
    let text: String

    /// Reads it out of `sys.modules`.
    init(of process: PythonProcess) {
        let reader = ObjectReader(
            PageSnapshot(of: process.memory, limit: 4 << 20), layout: process.layout)
        let modules = (try? Self.modules(reader, process.mainInterpreter)) ?? [:]
        let servers = Self.servers.compactMap { name in
            modules[name].map { module in Self.version(of: module, reader).map { "\(name) \($0)" } ?? name }
        }
        let implementation = Self.implementations.first { modules[$0.0] != nil }?.1
        // A WSGI server has no loop of its own: whether asyncio is imported by now is the application's affair, and two
        // runs of the same server would be described differently.
        let isWSGI = modules["gunicorn"] != nil && modules["uvicorn"] == nil
        let loop = isWSGI ? nil : modules["uvloop"] != nil ? "uvloop" : modules["asyncio"] != nil ? "asyncio" : nil
        let manner = [implementation, loop].compactMap { $0 }.joined(separator: "/")
        let server = (servers + (manner.isEmpty ? [] : [manner])).joined(separator: " ")
        text =
            (server.isEmpty ? "" : server + ", ") + "CPython \(Self.version(of: process, modules, reader))"
            + Self.channels(modules, reader, process.mainInterpreter)
    }

    private static func modules(
        _ reader: ObjectReader, _ interpreter: RemoteAddress
    ) throws(RemoteReadError) -> [String: RemoteAddress] {
        let wanted = Set(servers + implementations.map(\.0) + ["uvloop", "asyncio", "platform", "sys", "channels"])
        var found: [String: RemoteAddress] = [:]
        for entry in try reader.modules(interpreter: interpreter) {
            if let name = try? reader.string(entry.key), wanted.contains(name) { found[name] = entry.value }
        }
        return found
    }

    /// Channels, and the layers that were made so far: an application makes one when it first uses it.
    private static func channels(
        _ modules: [String: RemoteAddress], _ reader: ObjectReader, _ interpreter: RemoteAddress
    ) -> String {
        guard let module = modules["channels"] else { return "" }
        let layers = (try? reader.layers(interpreter: interpreter, LiveChannels())) ?? []
        let classes = layers.map { layer in layer.layer.split(separator: ".").last.map(String.init) ?? layer.layer }
        let version = version(of: module, reader).map { "Channels \($0)" } ?? "Channels"
        return ([", " + version] + Set(classes).sorted()).joined(separator: ", ")
    }

    private static func version(of module: RemoteAddress, _ reader: ObjectReader) -> String? {
        guard let value = try? reader.moduleMember("__version__", of: module), value != 0 else { return nil }
        return try? reader.string(value, limit: 32)
    }

    /// 3.9 and 3.10 have no version symbol: `sys.version` begins with it.
    private static func version(
        of process: PythonProcess, _ modules: [String: RemoteAddress], _ reader: ObjectReader
    ) -> String {
        guard process.version.minor < 11, let sys = modules["sys"],
            let value = try? reader.moduleMember("version", of: sys), let text = try? reader.string(value, limit: 64),
            let word = text.split(separator: " ").first
        else { return process.version.description }
        return String(word)
    }
}
