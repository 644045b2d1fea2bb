import AgentRing
import Observations

/// One process that is counted: its memory, and whether it is still there. One task.
struct Counted {
    private let file: RingFile
    var fold: RingFold<RingFile>
    /// Since when it is read.
    let since: Moment

    /// - Parameter joins: whether it began before us; one that has ended by then is of no interest.
    init?(_ file: RingFile, at now: Moment, joins: Bool) {
        guard let fold = joins ? RingFold(joining: file, at: now) : RingFold(file) else { return nil }
        (self.file, self.fold, since) = (file, fold, now)
        if joins, !isRunning(besides: EmptyCollection<Counted>()) { return nil }
        // Its number in a container is another one; 0 is that of a process which cannot be seen from here.
        if let holder = file.holder(), holder > 0 { self.fold.pid = holder }
    }

    /// Whether it runs: it holds its lock, or, where it has closed all its descriptors, it is there under its own number and has
    /// not become another program with a memory of its own.
    func isRunning(besides others: some Collection<Counted>) -> Bool {
        if file.holder() != nil { return true }
        let header = fold.header
        guard header.space == ProcessState.space, ProcessState.isRunning(header.pid) else { return false }
        return !others.contains { $0.fold.header.pid == header.pid && $0.fold.header.start > header.start }
    }
}
