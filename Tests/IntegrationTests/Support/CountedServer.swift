/// How a server is told to run `counted:application`, in a process of its own module.
struct CountedServer: Sendable, CustomStringConvertible {
    let name: String
    /// Words after `-m`; the port follows the last of them.
    let arguments: [String]
    /// Whether the process that is launched only looks after the one that serves.
    var hasMaster = false
    var application = "counted:application"
    var description: String { name }

    func command(_ interpreter: String, _ port: Int) -> [String] {
        let last = arguments.last ?? ""
        let address = last == "--bind" ? ["127.0.0.1:\(port)"] : ["\(port)"]
        return [interpreter, "-m"] + arguments + address + [application]
    }

    static let uvicorn = CountedServer(
        name: "uvicorn websockets", arguments: ["uvicorn", "--ws", "websockets", "--port"])
    static let wsproto = CountedServer(name: "uvicorn wsproto", arguments: ["uvicorn", "--ws", "wsproto", "--port"])
    static let sansio = CountedServer(
        name: "uvicorn sansio", arguments: ["uvicorn", "--ws", "websockets-sansio", "--port"])
    static let uvloop = CountedServer(
        name: "uvicorn uvloop", arguments: ["uvicorn", "--loop", "uvloop", "--ws", "websockets", "--port"])
    static let daphne = CountedServer(name: "daphne", arguments: ["daphne", "-b", "127.0.0.1", "-p"])
    /// One that cancels a consumer a second after its connection is gone.
    static let hurriedDaphne = CountedServer(
        name: "daphne in a hurry",
        arguments: ["daphne", "--application-close-timeout", "1", "-b", "127.0.0.1", "-p"])
    static let hypercorn = CountedServer(name: "hypercorn", arguments: ["hypercorn", "--workers", "0", "--bind"])
    static let hypercornWorker = CountedServer(
        name: "hypercorn, a spawned worker", arguments: ["hypercorn", "--workers", "1", "--bind"], hasMaster: true)
    static let gunicorn = CountedServer(
        name: "gunicorn", arguments: ["gunicorn", "--worker-class", "uvicorn.workers.UvicornWorker", "--bind"],
        hasMaster: true)

    static let all = [uvicorn, wsproto, sansio, uvloop, daphne, hypercorn, hypercornWorker, gunicorn]
}

/// A server on a CPython minor.
struct CountedCell: Sendable, CustomStringConvertible {
    let server: CountedServer
    let python: PythonEnvironment
    var description: String { "\(server), \(python)" }

    /// Every server on every minor when the full matrix is asked for; else each server once, each minor at least once.
    static let all: [CountedCell] = {
        let every = CountedServer.all.flatMap { server in
            PythonEnvironment.available.map { CountedCell(server: server, python: $0) }
        }
        if Fixtures.wantsFullMatrix { return every }
        let pairs = [
            "uvicorn websockets": "3.9", "uvicorn wsproto": "3.12", "uvicorn sansio": "3.14", "daphne": "3.11",
        ]
        .merging(["uvicorn uvloop": "3.15", "hypercorn, a spawned worker": "3.13", "gunicorn": "3.10"]) { $1 }
        return every.filter { pairs[$0.server.name] == $0.python.minor }
    }()
}
