import AgentProbe
import Launcher
import Observations
import ProcessProbe
import RemoteProcess

/// A command that is launched with the agent in its environment.
struct AgentLaunch: Sendable {
    /// Where the agent and the memories of its processes are.
    let folder: AgentFolder
    /// The command, with what it sets itself for PYTHONPATH completed.
    let command: [String]

    /// Makes the folder.
    ///
    /// - Throws: `CommandError`.
    init(_ command: [String], environment: [String: String]) throws {
        do throws(AgentFolder.Failure) {
            folder = try AgentFolder.make(environment: environment)
        } catch {
            throw CommandError(
                "\(error)".plain(), why: "the agent's files and counters need a private folder",
                do: "make room in /dev/shm or /tmp, or observe without the agent: --no-agent", status: .unavailable)
        }
        self.command = Self.completed(command, with: folder.importPath)
    }

    /// `env PYTHONPATH=lib python …` says it anew: ours is put before it.
    static func completed(_ command: [String], with path: String) -> [String] {
        guard let program = command.first?.split(separator: "/").last, program == "env" else { return command }
        var words = command
        let isSetting = { (word: String) in word.contains("=") && !word.hasPrefix("-") }
        for index in words.indices.dropFirst() where words[index...index].allSatisfy(isSetting) {
            guard words[1..<index].allSatisfy(isSetting) else { break }
            if words[index].hasPrefix("PYTHONPATH=") {
                words[index] = "PYTHONPATH=\(path):" + words[index].dropFirst("PYTHONPATH=".count)
            }
        }
        return words
    }

    /// A launcher of the command that sets the environment for it.
    func launcher(_ environment: [String: String]) -> Launcher {
        var launcher = Launcher(command)
        launcher.environment = folder.variables(in: environment)
        launcher.adopted = { [folder] in folder.processes() }
        return launcher
    }

    /// Whether any process of a server is counted; else why not, as far as its processes tell.
    func obstacle(of server: LaunchedServer) -> String? {
        guard folder.processes().isEmpty else { return nil }
        let pythons = server.family.filter { CandidateFinder().isPython($0) }
        guard let pid = pythons.first else { return "no process of it runs Python" }
        // The agent's own words, where it was loaded and could not make its file.
        let words = server.log.lines.last { $0.hasPrefix("loopscope: nothing is counted in process ") }
        if let words { return String(words.dropFirst("loopscope: nothing is counted in ".count)) }
        let reasons = pythons.compactMap { Self.obstacle(of: $0, folder) }
        return reasons.first
            ?? "process \(pid) imports nothing that the agent knows: uvicorn, hypercorn, daphne, Channels, Django"
    }

    /// The options of an interpreter itself: they stand before the script, `-c` or `-m`. `-X` and `-W` have an argument.
    static func interpreterOptions(_ words: [String]) -> [String] {
        var options: [String] = []
        var rest = words.dropFirst()
        while let word = rest.popFirst(), word.hasPrefix("-"), !word.hasPrefix("-c"), !word.hasPrefix("-m") {
            if word == "-X" || word == "-W" || word == "--check-hash-based-pycs" { _ = rest.popFirst() }
            if !["-X", "-W", "--"].contains(where: word.hasPrefix) { options.append(word) }
        }
        return options
    }

    /// Why a Python process does not load the agent.
    private static func obstacle(of pid: Int32, _ folder: AgentFolder) -> String? {
        let proc = ProcFS()
        let words = ((try? proc.read(pid, "cmdline", limit: 1 << 16)) ?? []).split(separator: 0)
            .map { String(decoding: $0, as: UTF8.self) }
        for option in interpreterOptions(words) {
            if option.contains("I") { return "process \(pid) runs Python with -I, which ignores the environment" }
            if option.contains("E") { return "process \(pid) runs Python with -E, which ignores PYTHONPATH" }
            if option.contains("S") { return "process \(pid) runs Python with -S, which loads no sitecustomize" }
        }
        let environment = (try? proc.read(pid, "environ", limit: 1 << 20)) ?? []
        let isThere = environment.split(separator: 0).contains { entry in
            String(decoding: entry, as: UTF8.self).hasPrefix("PYTHONPATH=")
                && String(decoding: entry, as: UTF8.self).contains(folder.importPath)
        }
        return isThere
            ? nil : "process \(pid) was started with another environment: PYTHONPATH no longer names the agent"
    }
}
