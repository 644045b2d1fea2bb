import ArgumentParser
import CPythonProbe
import Clocks
import Observations
import ProcessProbe
import RemoteProcess
import Reports
import TargetMemory

/// `loopscope tasks`: one census of a running server's asyncio tasks.
struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "Count a running server's asyncio tasks, by consumer class and coroutine.",
        discussion: "Example: loopscope tasks --pid 4711 --tree")

    @OptionGroup var target: TargetOptions

    @Flag(help: "Show each task's chain of coroutines, and under it the tasks that it waits for.")
    var tree = false

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let world = World.current
        let pid = try await target.resolve()
        var tasks: [TaskCensus] = []
        var connections: [ConnectionCensus] = []
        for process in try PythonProcesses.of(pid) {
            do throws(RemoteReadError) {
                let census = try CensusTaker(process).take(at: .now(), awaited: tree)
                tasks.append(census.tasks)
                connections.append(census.connections)
            } catch { throw PythonProcesses.unreadable(process.pid, error) }
        }
        if common.json {
            world.output(JSONReport.census(tasks: tasks, connections: connections).text(pretty: true) + "\n")
        } else {
            world.output(TasksText(tasks: tasks, connections: connections, style: common.style(world)).text(tree: tree))
        }
    }
}

/// The CPython processes of a target: itself and its workers.
enum PythonProcesses {
    static func of(_ pid: Int32) throws -> [PythonProcess] {
        let finder = CandidateFinder()
        var found: [PythonProcess] = []
        var trouble: CommandError?
        let family = [pid] + ProcessTree(below: pid).descendants(of: pid)
        for member in family where member == pid || finder.isPython(member) {
            do throws(PythonAttachError) {
                found.append(try PythonProcess(pid: member))
            } catch {
                switch error {
                case .notPermitted: throw AttachTarget.refusal(pid: member)
                case .gone where member == pid: throw AttachTarget.refusal(pid: pid)
                default:
                    guard member == pid else { continue }
                    trouble = CommandError(
                        "cannot read process \(pid)", why: "\(error)".plain(),
                        do: "`loopscope attach --pid \(pid)` shows what /proc says of any process",
                        status: .unavailable)
                }
            }
        }
        // What only starts the server (a shell, `timeout`, `uv run`) need not be readable itself.
        if let trouble, found.isEmpty { throw trouble }
        return found
    }

    static func unreadable(_ pid: Int32, _ error: RemoteReadError) -> CommandError {
        CommandError(
            "process \(pid) could not be read", why: "\(error)".plain(), do: "try again: it may be starting or ending",
            status: .unavailable)
    }
}
