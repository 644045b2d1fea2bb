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
        if case .denied = AttachPermission.judge(pid) { throw AttachTarget.refusal(pid: pid) }
        // Nothing is said to be allowed before it was tried: a security module shows in no file.
        let readable = "✓ its memory may be read\n"
        do throws(PythonAttachError) {
            let process = try PythonProcess(pid: pid)
            world.output(readable + "✓ CPython \(process.version) is understood: stacks, tasks, consumers, ticks\n")
        } catch {
            switch error {
            case .notPermitted, .gone: throw AttachTarget.refusal(pid: pid)
            case .notPython, .layout:
                world.output(
                    readable + "- \("\(error)".plain()): only what /proc says of any process can be seen\n")
            }
        }
        let workers = ProcessTree(below: pid).descendants(of: pid).filter { finder.isPython($0) }
        if !workers.isEmpty {
            world.output("✓ its workers are followed: \(workers.map(String.init).joined(separator: ", "))\n")
        }
        world.output("next: \(world.program) attach --pid \(pid)\n")
    }
}
