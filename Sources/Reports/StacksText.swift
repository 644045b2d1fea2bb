public import Observations

/// The stacks of all threads at one instant, innermost frame first, as a debugger prints them.
public struct StacksText {
    let samples: [StackSample]
    let style: TextStyle

    /// One sample per thread.
    public init(_ samples: [StackSample], style: TextStyle = TextStyle(colours: false)) {
        self.samples = samples
        self.style = style
    }

    /// A block per thread: the busy ones first.
    public var text: String {
        let ordered = samples.sorted { left, right in
            if left.activity != right.activity { return left.activity == .running }
            return (left.pid, left.tid) < (right.pid, right.tid)
        }
        return ordered.reduce(into: "") { text, sample in
            if !text.isEmpty { text += "\n" }
            text += block(sample)
        }
    }

    private func block(_ sample: StackSample) -> String {
        var facts = "  " + sample.activity.rawValue
        if sample.holdsGIL == true { facts += ", holds the GIL" }
        if let task = sample.task { facts += ", task \(task.plain(limit: 64))" }
        if let consumer = sample.consumer { facts += ", " + consumer.plain(limit: 96) }
        var text = style.bold("Thread \(sample.tid) \(sample.thread.plain(limit: 32))")
        text += style.dim(facts) + "\n"
        for frame in sample.stack.frames.reversed() {
            let mark = frame.kind == .native ? style.dim("native ") : ""
            text += "    \(mark)\(Place.text(frame))\n"
        }
        if sample.stack.frames.isEmpty { text += style.dim("    no Python frame") + "\n" }
        return text
    }
}
