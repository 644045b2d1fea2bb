/// Why a process cannot be attached to, and what to do about it, in the words of a person.
public struct AttachError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened: `cannot attach to process 4711 (uvicorn): Operation not permitted`.
    public var what: String
    /// The setting that decides, with its value: `/proc/sys/kernel/yama/ptrace_scope is 1: …`.
    public var why: String
    /// The one thing to do, a command where there is one.
    public var remedy: String
    /// Which exit code fits: the process is not there (69), or may not be attached to (77).
    public var isGone: Bool

    /// The three of them, one a line.
    public init(what: String, why: String, remedy: String, isGone: Bool = false) {
        self.what = what
        self.why = why
        self.remedy = remedy
        self.isGone = isGone
    }

    /// As it is printed after `error: `.
    public var description: String { "\(what)\n  why: \(why)\n   do: \(remedy)" }
}
