/// What `init` found in a folder: enough to start its server and to visit its WebSockets.
struct Project: Hashable, Sendable {
    /// What the server is built on.
    enum Kind: String, Hashable, Sendable {
        /// Django Channels.
        case channels = "Django Channels"
        /// Starlette or FastAPI.
        case starlette = "Starlette"
        /// A Swift package that hosts loopscope's runtime.
        case embedded = "embedded runtime"
    }

    /// What runs a Python application.
    enum Server: String, Hashable, Sendable, CaseIterable {
        case uvicorn, daphne, hypercorn
    }

    /// A WebSocket that the application serves.
    struct Route: Hashable, Sendable {
        /// A path that it matches: its parameters are filled in.
        var path: String
        /// Where it is written: `chat/routing.py:12`.
        var place: String
    }

    /// What it is built on.
    var kind: Kind
    /// The application, as servers name it (`chat.asgi:application`); of a Swift package, its executable.
    var application: String
    /// The folder that the application's modules are in, relative; empty for the project's own.
    var folder = ""
    /// What runs it; a Swift package runs itself.
    var server = Server.uvicorn
    /// Its WebSockets, in the order of their places.
    var routes: [Route] = []
    /// What `pip install` needs to be given.
    var requirements: [String] = []
    /// Whether handshakes need an `Origin` (Channels' `AllowedHostsOriginValidator`).
    var checksOrigin = false
    /// Where `manage.py` is, relative, if it is anywhere.
    var manage: String?
    /// Its interpreter, relative, if it has an environment of its own.
    var interpreter: String?
    /// What could not be used, for the person to know.
    var remarks: [String] = []

    /// The command that starts the server on a free port.
    ///
    /// - Parameter interpreter: the Python that runs it.
    func command(interpreter: String) -> [String] {
        guard kind != .embedded else { return [".build/debug/\(application)"] }
        let environment = folder.isEmpty ? [] : ["env", "PYTHONPATH=\(folder)"]
        let arguments =
            switch server {
            case .uvicorn: ["uvicorn", "--host", "127.0.0.1", "--port", "0", "--log-level", "warning", application]
            case .daphne: ["daphne", "-b", "127.0.0.1", "-p", "0", application]
            // Without workers it serves in its own process.
            case .hypercorn: ["hypercorn", "--bind", "127.0.0.1:0", "--workers", "0", application]
            }
        return environment + [interpreter, "-m"] + arguments
    }
}
