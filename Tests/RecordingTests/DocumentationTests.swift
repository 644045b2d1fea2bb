import Foundation
import GRDB
import Observations
import Testing

@testable import Recording

@Suite("docs/formats/recording.md is true")
struct DocumentationTests {
    private let page: String
    private let blocks: [String]

    init() throws {
        page = try String(contentsOf: repository.appending(path: "docs/formats/recording.md"), encoding: .utf8)
        blocks = page.components(separatedBy: "```sql\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
    }

    @Test("the schema shown is the schema made")
    func schema() {
        #expect(Array(blocks.suffix(5)) == [Schema.step1, Schema.step2, Schema.step3, Schema.step4, Schema.step5])
        #expect(page.contains("`application_id` is \(Schema.applicationID) "))
        #expect(page.contains(Schema.name(Schema.current.version)))
    }

    @Test("each query shown runs and finds something")
    func queries() throws {
        let path = repository.appending(path: "fixtures/recordings/v1/small.loopscope").path
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        #expect(blocks.count == 8)
        for query in blocks.dropLast(5) {
            #expect(try queue.read { try Row.fetchAll($0, sql: query) }.isEmpty == false, "\(query)")
        }
    }
}
