import Observations

/// How much of a process's loops the consumers that spin take, by samples.
public struct SpinShare: Hashable, Sendable {
    /// Samples of turns that dispatch to them.
    public var spinning: Int
    /// Samples of turns of other code. What is neither, the loop's own work and what it does between two turns of a task,
    /// belongs to both in proportion.
    public var other: Int

    /// Share of the loop's busy time that is theirs, in percent.
    public var percent: Double { Double(spinning) / Double(max(1, samples)) * 100 }
    /// Samples it rests on.
    public var samples: Int { spinning + other }

    /// The share of the consumers of a process that spin, whose overrides are given; `nil` where nothing was sampled.
    init?(in stacks: [StackSample], pid: Int32, overrides: [CodeLocation]) {
        (spinning, other) = (0, 0)
        for sample in stacks where sample.pid == pid {
            guard let turn = sample.stack.turn, !turn.isEmpty else { continue }
            if turn.isSpin(overrides) {
                spinning += sample.count
            } else if !turn.allSatisfy(\.isPlumbing) {
                other += sample.count
            }
        }
        guard samples > 0 else { return nil }
    }
}

extension ArraySlice<Frame> {
    /// Whether a turn is a dispatch loop's that delivers a disconnect, or its own work between two messages. The handler
    /// of another message is somebody's honest work.
    fileprivate func isSpin(_ overrides: [CodeLocation]) -> Bool {
        guard let loop = lastIndex(where: { $0.function == "await_many_dispatch" }) else { return false }
        let inner = self[(loop + 1)...]
        if inner.contains(where: \.isDisconnectHandler) { return true }
        return inner.allSatisfy { frame in
            !frame.isApplication || overrides.contains { $0.file == frame.file && $0.line == frame.definition }
        }
    }
}

extension Frame {
    fileprivate var isDisconnectHandler: Bool {
        let name = function.split(separator: ".").last ?? ""
        return name == "websocket_disconnect" || name == "disconnect"
    }

    /// Code that runs for whatever runs on the loop: asyncio, its threads, the bridge, a server's receive.
    fileprivate var isPlumbing: Bool {
        guard let file else { return true }
        return [
            "/asyncio/", "/concurrent/futures/", "/asgiref/", "/uvicorn/", "/websockets/", "/hypercorn/", "/daphne/",
        ]
        .contains { file.contains($0) } || ["/threading.py", "/queue.py"].contains { file.hasSuffix($0) }
    }
}

extension Evidence {
    /// What the consumers of a process that spin take of its loops; `nil` where none does, or nothing was sampled.
    public func spinShare(of pid: Int32) -> SpinShare? {
        let classes = Set(outliving.filter { $0.pid == pid && $0.face == .hot }.map(\.instance.consumer))
        guard !classes.isEmpty else { return nil }
        return SpinShare(in: stacks, pid: pid, overrides: classes.compactMap(override(of:)))
    }
}
