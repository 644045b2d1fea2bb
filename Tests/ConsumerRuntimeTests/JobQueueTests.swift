import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import ConsumerRuntime

/// What has run.
private final class Order: Sendable {
    private let numbers = Mutex<[Int]>([])

    func ran(_ number: Int) { numbers.withLock { $0.append(number) } }
    func taken() -> [Int] {
        numbers.withLock { numbers in
            defer { numbers = [] }; return numbers
        }
    }
}

@Suite("The loop's run queue") struct JobQueueTests {
    @Test("jobs run in the order in which they became ready, however many there are and wherever the ring begins")
    func order() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = ConsumerExecutor(home: ConsumerLoop(loop), meter: nil)
        let order = Order()
        // 40 moves the ring's beginning; 300 find it there, and no room.
        for count in [40, 300, 64, 1] {
            let tasks = try await loop.submit {
                (0..<count).map { number in
                    Task(executorPreference: executor) { order.ran(number) }
                }
            }.get()
            for task in tasks { await task.value }
            #expect(order.taken() == Array(0..<count))
        }
    }
}
