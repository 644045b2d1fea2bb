import AgentProbe
import CPythonProbe
import Observations
import ProcessProbe
import RemoteProcess

/// The agent inside processes that run already: loaded through the interpreter's own door (PEP 768), and let go of.
///
/// A script waits until the process's main thread next runs Python: a server that is idle and has no timer takes it with its
/// next event.
struct ExactDoor: Sendable {
    /// The process that was named.
    let pid: Int32
    /// Where its agent, and those of its workers, count.
    let folder: AgentFolder
    private let processes: [Int32]

    /// Three to load the agent into each, and three to have it let go.
    var writes: Int { processes.count * 6 }

    /// How long a process may take to run a script.
    private static let patience = Duration.seconds(10)

    /// Loads the agent into a process and its workers.
    ///
    /// - Throws: `CommandError` when it counts in none of them; nothing of it is left then.
    static func open(to pid: Int32) async throws -> ExactDoor {
        let family = [pid] + ProcessTree().descendants(of: pid).filter { CandidateFinder().isPython($0) }
        let folder: AgentFolder
        do throws(AgentFolder.Failure) {
            folder = try AgentFolder.make(environment: World.current.environment)
            try folder.give(toOwnerOf: pid)
        } catch { throw CommandError("\(error)".plain(), status: .unavailable) }
        guard folder.isSeen(by: pid) else {
            folder.remove()
            throw CommandError(
                "process \(pid) does not see \(folder.path)", why: "it runs in another file system, a container's",
                do: "run loopscope in that container", status: .unavailable)
        }
        var (loaded, obstacles): ([Int32], [CommandError]) = ([], [])
        for process in family.prefix(AttachTarget.processLimit) {
            do {
                try await load(folder, into: process)
                loaded.append(process)
            } catch let error as CommandError { obstacles.append(error) }
        }
        guard loaded.isEmpty else { return ExactDoor(pid: pid, folder: folder, processes: loaded) }
        folder.remove()
        throw obstacles.last ?? CommandError("process \(pid) has ended", status: .unavailable)
    }

    /// Has the agent let go of each process, and removes its folder.
    func leave(_ world: World) async {
        var late: [Int32] = []
        for process in processes where (try? ProcessIdentity(of: process)) != nil {
            do { _ = try await Self.run("leave", "loopscope_agent.leave()", folder, in: process) } catch {
                if (try? ProcessIdentity(of: process)) != nil { late.append(process) }
            }
        }
        guard let first = late.first else { return folder.remove() }
        // Its script waits there: without it the process would go on counting.
        world.error(
            "note: process \(first) has run no Python since; it lets the agent go when it does. Remove \(folder.path) then\n"
        )
    }

    private static func load(_ folder: AgentFolder, into pid: Int32) async throws {
        let answer: String
        do {
            answer = try await run("join", "loopscope_agent.join(\"\(folder.path)\")", folder, in: pid)
        } catch let refusal as ScriptRequest.Refusal {
            throw CommandError(refusal, pid)
        } catch let error as PythonAttachError {
            if error == .notPermitted(pid) { throw AttachTarget.refusal(pid: pid) }
            throw CommandError("the agent cannot be loaded into process \(pid): \(error)", status: .unavailable)
        }
        guard answer.isEmpty else {
            throw CommandError(
                "the agent does not count in process \(pid)", why: answer.plain(limit: 300), status: .unavailable)
        }
    }

    /// Has a process run a statement of the agent's; what went wrong there, or nothing.
    ///
    /// - Throws: `ScriptRequest.Refusal`, `PythonAttachError`; `CommandError` when it was not run in time: it is withdrawn.
    private static func run(
        _ name: String, _ statement: String, _ folder: AgentFolder, in pid: Int32
    ) async throws -> String {
        let request = try ScriptRequest(PythonProcess(pid: pid))
        let answer = "\(name)-\(pid).out"
        let script = folder.scriptText(statement, answeringIn: answer)
        let path = try folder.add(script, as: "\(name)-\(pid).py")
        try request.post(path)
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if let text = folder.text(of: answer) { return text }
            // It writes its answer when it has run; nobody tells when that is.
            try? await Task.sleep(for: .milliseconds(10))
            guard (try? ProcessIdentity(of: pid)) != nil else {
                throw CommandError("process \(pid) has ended", status: .unavailable)
            }
        }
        if name == "join" { try request.withdraw() }
        throw CommandError(
            "process \(pid) did not run Python for \(patience.components.seconds) s",
            why: "its main thread waits for something: it takes scripts between two steps of its own",
            do: "send the server a request, and try again", status: .unavailable)
    }
}

extension CommandError {
    /// Why a process cannot be asked to run a script.
    init(_ refusal: ScriptRequest.Refusal, _ pid: Int32) {
        let what = "the agent cannot be loaded into process \(pid)"
        switch refusal {
        case .tooOld(let version):
            self.init(
                what, why: "it runs CPython \(version); the interpreter can be asked to from 3.14 on",
                do: "start the server under `loopscope run --`, or with `loopscope agent install`", status: .unavailable
            )
        case .disabled:
            self.init(
                what, why: "its interpreter was started with PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug",
                do: "start it without", status: .notPermitted)
        case .busy: self.init(what, why: "somebody else's script waits there", do: "try again", status: .unavailable)
        case .path(let limit):
            self.init(what, why: "its script's path is longer than \(limit) bytes", status: .unavailable)
        case .memory(let error): self.init(what, why: "\(error)", status: .notPermitted)
        }
    }
}
