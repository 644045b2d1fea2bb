import AgentProbe
import ArgumentParser
import Foundation
import Glibc
import Observations
import Reports

/// `loopscope agent`: the agent for servers that somebody else starts.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Put the agent into a folder, for servers that loopscope does not start.",
        subcommands: [AgentInstallCommand.self])
}

/// `loopscope agent install DIR`: writes it, and prints the environment to set.
struct AgentInstallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Write the agent into a folder and print the environment that makes a server load it.",
        discussion: """
            Every Python process with that environment counts into the folder; `loopscope attach --agent DIR` reads it, from \
            another container too, without any permission but that to read its files. A folder in memory (tmpfs, an emptyDir \
            of medium Memory) keeps the counters off the disk.

            Examples:
              loopscope agent install /dev/shm/loopscope
              eval "$(loopscope agent install --quiet /dev/shm/loopscope)" && uvicorn app:application
            """)

    @Flag(help: "Print the environment as JSON (schema loopscope/agent/1).")
    var json = false

    @Flag(name: .shortAndLong, help: "Print the environment only.")
    var quiet = false

    @Argument(help: ArgumentHelp("The folder; it is made when it is not there.", valueName: "dir"))
    var folder: String

    func run() async throws {
        let world = World.current
        let agent = AgentFolder(path: URL(filePath: folder).standardizedFileURL.path)
        guard !agent.path.contains(":") else {
            throw CommandError(
                "the agent cannot lie in \(agent.path.plain())", why: "PYTHONPATH separates its folders by colons",
                do: "choose a folder without one in its name", status: .usage)
        }
        do throws(AgentFolder.Failure) {
            try agent.install()
        } catch {
            throw CommandError("\(error)".plain(), do: "choose a folder that you may write to", status: .unavailable)
        }
        if agent.isOpenToOthers, !quiet {
            world.error(
                "note: \(agent.path.plain()) may be written to by other users, who could put code of theirs into your server\n"
            )
        }
        if json {
            let variables = JSONValue.object([("PYTHONPATH", .string(agent.importPath))])
            let value = JSONValue.object([
                ("schema", .string("loopscope/agent/1")), ("folder", .string(agent.path)), ("environment", variables),
            ])
            return world.output(value.text(pretty: true) + "\n")
        }
        let path = agent.importPath.shellQuoted
        world.output("export PYTHONPATH=\(path)${PYTHONPATH:+:$PYTHONPATH}\n")
        if !quiet {
            world.error("then start the server, and observe it: loopscope attach --agent \(agent.path.shellQuoted)\n")
        }
    }
}

extension AgentFolder {
    /// One that somebody has installed and that processes count into.
    ///
    /// - Throws: `CommandError`.
    init(reading folder: String) throws {
        self.init(path: URL(filePath: folder).standardizedFileURL.path)
        let install = "loopscope agent install \(path.shellQuoted)"
        guard access(path, R_OK | X_OK) == 0 else {
            throw CommandError(
                "cannot read the folder \(path.plain())", why: String(cString: strerror(errno)),
                do: "name the folder of `loopscope agent install`, as root or as the user whose server counts into it",
                status: errno == EACCES ? .notPermitted : .unavailable)
        }
        guard isCounting else {
            throw CommandError(
                "no process counts into \(path.plain())",
                why: isInstalled ? "none that runs has its environment" : "the agent is not in it",
                do: "\(install), and start the server with the environment that it prints", status: .unavailable)
        }
    }
}

extension String {
    /// As one word of a shell.
    var shellQuoted: String {
        let plain = unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic && $0.isASCII || "0123456789/._-".unicodeScalars.contains($0)
        }
        return plain && !isEmpty
            ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
