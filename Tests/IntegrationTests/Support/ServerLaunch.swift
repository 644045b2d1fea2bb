import Foundation

/// How to start one of the servers under test: a row of the detection matrix.
struct ServerLaunch: Sendable, CustomStringConvertible {
    /// `serve.py` says what each of them is.
    enum Server: String, Sendable, CaseIterable {
        case uvicornWebsockets = "uvicorn-websockets"
        case uvicornWsproto = "uvicorn-wsproto"
        case uvicornSansio = "uvicorn-sansio"
        case daphne, hypercorn
        /// A master and a uvicorn worker.
        case gunicorn
        case gunicornSync = "gunicorn-sync"
        case gunicornGthread = "gunicorn-gthread"
        case wsgiref, starlette, aiohttp

        /// Those that speak HTTP only, for the sync bridge.
        var isWSGI: Bool { [.gunicornSync, .gunicornGthread, .wsgiref].contains(self) }
        /// Those that serve the routes of `routes.json`.
        var isChannels: Bool { !isWSGI && self != .starlette && self != .aiohttp }
    }

    enum Loop: String, Sendable { case asyncio, uvloop }
    enum Layer: String, Sendable { case memory, redis }

    var server: Server
    var python: PythonEnvironment
    var loop = Loop.asyncio
    var layer = Layer.memory
    /// More than one makes a master with workers.
    var workers = 1
    /// The newer uvicorn instead of 0.38.0.
    var currentUvicorn = false
    /// More arguments for the server's own command line.
    var extra: [String] = []

    var description: String {
        var words = [server.rawValue, loop.rawValue, python.description]
        if layer == .redis { words.append("Redis") }
        if workers > 1 { words.append("\(workers) workers") }
        if currentUvicorn { words.append("current uvicorn") }
        return words.joined(separator: ", ")
    }

    /// The command line of the launcher, which itself needs a Python 3 and no package.
    var command: [String] {
        var words = ["python3", Fixtures.servers.appendingPathComponent("serve.py").path]
        words += ["--python", python.interpreter, "--server", server.rawValue, "--loop", loop.rawValue]
        words += ["--layer", layer.rawValue, "--workers", String(workers), "--log", "/dev/null"]
        if currentUvicorn { words.append("--uvicorn-current") }
        return extra.isEmpty ? words : words + ["--"] + extra
    }
}
