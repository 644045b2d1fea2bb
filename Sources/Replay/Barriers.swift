/// Where clients wait for each other: a barrier opens when everybody who may still come has come.
actor Barriers {
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    private var expected: [String: Int]
    private var isOver = false

    /// Barriers by name, with how many clients each awaits.
    init(_ expected: [String: Int]) { self.expected = expected }

    /// Waits at a barrier.
    func arrive(at name: String) async {
        guard !isOver else { return }
        await withCheckedContinuation { continuation in
            waiting[name, default: []].append(continuation)
            openIfComplete(name)
        }
    }

    /// A client that was to come to these barriers has ended: nobody waits for it.
    func giveUp(_ names: Set<String>) {
        for name in names {
            expected[name, default: 0] -= 1
            openIfComplete(name)
        }
    }

    /// The phase is over: nobody waits any more.
    func open() {
        isOver = true
        for name in waiting.keys { release(name) }
    }

    private func openIfComplete(_ name: String) {
        if let clients = waiting[name], clients.count >= expected[name, default: 0] { release(name) }
    }

    private func release(_ name: String) {
        for client in waiting.removeValue(forKey: name) ?? [] { client.resume() }
    }
}
