import CPythonProbe
import Observations
import ProcessProbe
import RemoteProcess

/// `doctor --pid`: whether a process can be observed, and the one remedy for this case.
struct ProcessCheck {
    let world: World

    /// Says it.
    ///
    /// - Throws: `CommandError` with the remedy, when it cannot.
    func say(_ pid: Int32) throws {
        let finder = CandidateFinder()
        world.output("process \(pid)  \(finder.command(of: pid).plain(limit: 160))\n")
        switch AttachPermission.judge(pid) {
        case .allowed: world.output("✓ its memory may be read\n")
        case .denied: throw AttachTarget.refusal(pid: pid)
        }
        do throws(PythonAttachError) {
            let process = try PythonProcess(pid: pid)
            world.output("✓ CPython \(process.version) is understood: stacks, tasks, consumers, ticks\n")
        } catch {
            switch error {
            case .notPermitted: throw AttachTarget.refusal(pid: pid)
            default:
                world.output("- \("\(error)".plain()): only what /proc says of any process can be seen\n")
            }
        }
        let workers = ProcessTree(below: pid).descendants(of: pid).filter { finder.isPython($0) }
        if !workers.isEmpty {
            world.output("✓ its workers are followed: \(workers.map(String.init).joined(separator: ", "))\n")
        }
        world.output("next: \(world.program) attach --pid \(pid)\n")
    }
}
