import Clocks
import Observations
import Scenarios

extension ClientRun {
    /// Takes numbered messages until there are as many as were asked for, or all through a number.
    ///
    /// - Throws: `Failure` where the delivery is not what was demanded.
    func expect(_ wanted: NumberedMessages, _ client: WebSocketClient, by deadline: Moment, limit: Nanoseconds)
        async throws
    {
        if let first = wanted.first { tracker.begin(at: first) }
        var taken = 0
        while !isDone(wanted, taken) {
            let step: SequenceTracker.Step
            do { step = try await takeNumbered(wanted.field, client, by: deadline) } catch ClientError.timedOut {
                try Task.checkCancellation()
                guard tracker.missing > 0, wanted.delivery != .atMostOnce else { throw ClientError.timedOut }
                throw missing("after \(limit.words)")
            }
            if step.duplicated > 0 {
                if wanted.delivery == .exactlyOnce || wanted.delivery == .atMostOnce {
                    throw Failure(
                        "a message of the sequence came twice, and should come \(wanted.delivery?.rawValue ?? "")")
                }
                if wanted.delivery == .atLeastOnce { continue }
            }
            taken += 1
        }
        guard tracker.missing > 0, let delivery = wanted.delivery, delivery != .atMostOnce else { return }
        throw missing("and should come \(delivery.rawValue)")
    }

    private func missing(_ words: String) -> Failure {
        Failure("\(tracker.missing) of the sequence's messages are missing, \(words)")
    }

    private func isDone(_ wanted: NumberedMessages, _ taken: Int) -> Bool {
        switch wanted.end {
        case .count(let count): taken >= count
        case .through(let number):
            tracker.hasReached(number)
                && (tracker.missing == 0 || wanted.delivery == nil || wanted.delivery == .atMostOnce)
        }
    }

    private func takeNumbered(
        _ field: String, _ client: WebSocketClient, by deadline: Moment
    ) async throws -> SequenceTracker.Step {
        let arrival = try await nextMessage(client, by: deadline)
        guard case .text(let text) = arrival.message, let number = SequenceTracker.number(field, in: text) else {
            throw Failure("a message came without a whole number `\(field)`")
        }
        let step = tracker.take(number)
        stage.count {
            $0.lost += step.lost
            $0.duplicated += step.duplicated
        }
        return step
    }
}
