import Synchronization
import Testing

@testable import Instruments

@Suite("What the instrument does on a loop for itself") struct OwnBusinessTests {
    @Test("LS601 on the demo under load: no heart is waited for meanwhile, and then it beats again")
    func unwatched() {
        let loop = Bench().loop
        loop.start()
        let before = loop.due.load(ordering: .relaxed)
        let during = loop.unwatched { loop.due.load(ordering: .relaxed) }
        #expect(during == 0)
        #expect(loop.due.load(ordering: .relaxed) > before)
        loop.stop()
        loop.unwatched {}
        #expect(loop.due.load(ordering: .relaxed) == 0, "a heart that has stopped stays so")
    }
}
