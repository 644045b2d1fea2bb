public import TargetMemory

extension ObjectReader {
    /// Looks whether memory is what the table says, before anything else is believed.
    ///
    /// - Returns: the interpreters as the process lists them, the main one last.
    /// - Throws: `.mismatch` that names the first check that failed; `.unreadable`.
    public func selfCheck(runtime: RemoteAddress, version: PythonVersion) throws(LayoutError) -> [RemoteAddress] {
        let interpreters: [RemoteAddress]
        let failed: String?
        do throws(RemoteReadError) {
            interpreters = try self.interpreters(runtime: runtime)
            failed = try firstFailure(interpreters.last)
        } catch { throw .unreadable }
        if let failed { throw .mismatch(version, check: failed) }
        return interpreters
    }

    /// The name of the first check that fails.
    private func firstFailure(_ main: RemoteAddress?) throws(RemoteReadError) -> String? {
        guard let main else { return "no interpreter yet" }
        let threads = try threads(interpreter: main)
        guard let thread = threads.last else { return "no thread yet" }
        // PyThreadState.interp is at 16 in all versions read.
        guard try word(thread.state, 16) == main else { return "thread" }
        let modules = try word(main, layout.interpreter.modules)
        guard modules != 0, try type(of: modules)?.name == "dict" else { return "dict" }
        guard try value("sys", in: modules) != nil else { return "str" }
        var wrong: String?
        for thread in threads {
            // A frame, and even a thread, may go while it is looked at.
            guard let frame = try? currentFrame(ofThread: thread.state), frame != 0,
                let code = try? rawFrame(frame).code, code != 0, let name = try? type(of: code)?.name
            else { continue }
            // Entry frames of C code carry a code object too, or None.
            if ["code", "NoneType"].contains(name) { return nil }
            wrong = "code"
        }
        return wrong
    }
}
