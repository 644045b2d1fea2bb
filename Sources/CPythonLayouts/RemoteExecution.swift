/// Where CPython 3.14 and later take a request to run a script: the `debugger_support` group of `_Py_DebugOffsets`.
///
/// internal/pycore_debug_offsets.h and cpython/pystate.h (`_PyRemoteDebuggerSupport`), tag v3.14.0; the protocol is
/// "Remote debugging attachment protocol" of the interpreter's own documentation (PEP 768).
public struct RemoteExecution: Hashable, Sendable {
    /// In `PyThreadState`: the word that makes a thread look up from its bytecode.
    public let evalBreaker: Int
    /// In `PyThreadState`: the flag that asks for a script, a 32-bit number.
    public let pendingCall: Int
    /// In `PyThreadState`: the path of the script, ended by NUL.
    public let scriptPath: Int
    /// Bytes that the path may take, its NUL included.
    public let scriptPathSize: Int
    /// In `PyInterpreterState`: whether scripts are taken, a 32-bit number; 0 under `PYTHON_DISABLE_REMOTE_DEBUG`.
    public let isEnabled: Int

    /// `_PY_EVAL_PLEASE_STOP_BIT` (internal/pycore_ceval.h, v3.14.0 and v3.15.2): in the lowest byte of the eval breaker.
    public static let pleaseStop: UInt8 = 1 << 5

    /// From the words of the table, counted from its start; `nil` when one of them is absurd.
    init?(words: [UInt64], group: Int) {
        guard words.count >= group + 6, words[group..<group + 6].allSatisfy({ $0 > 0 || $0 == words[group + 3] }),
            words[group..<group + 6].allSatisfy({ $0 < 1 << 20 })
        else { return nil }
        let places = words[group..<group + 6].map { Int($0) }
        (evalBreaker, isEnabled) = (places[0], places[2])
        (pendingCall, scriptPath) = (places[1] + places[3], places[1] + places[4])
        scriptPathSize = places[5]
        // What 3.14 says is 512: much less would hold no path, much more would reach into what lies behind.
        guard (64...4096).contains(scriptPathSize) else { return nil }
    }
}

extension DebugOffsets {
    /// Where a script may be asked for; `nil` before 3.14, and where the table is absurd.
    public var remoteExecution: RemoteExecution? {
        switch version.minor {
        case 14: RemoteExecution(words: words, group: 89)
        case 15: RemoteExecution(words: words, group: 105)
        default: nil
        }
    }
}
