import Foundation
import Scenarios
import Testing

@Suite("The published schema of scenarios")
struct SchemaTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/formats")

    private func definitions() throws -> [String: Any] {
        let data = try Data(contentsOf: Self.docs.appending(path: "scenario.schema.json"))
        let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require(schema["$defs"] as? [String: Any])
    }

    @Test("knows every verb and no other, and which may stand alone")
    func verbs() throws {
        let step = try #require((try definitions())["step"] as? [String: Any])
        let forms = try #require(step["oneOf"] as? [[String: Any]])
        let alone = Set(try #require(forms[0]["enum"] as? [String]))
        let withArgument = Set(try #require(forms[1]["properties"] as? [String: Any]).keys)
        #expect(alone == Set(Verb.all.filter(\.standsAlone).map(\.name)))
        #expect(alone.union(withArgument) == Set(Verb.all.map(\.name)))
    }

    @Test("and the page describe every verb; the page's example is a scenario")
    func page() throws {
        let page = try String(contentsOf: Self.docs.appending(path: "scenario.md"), encoding: .utf8)
        for verb in Verb.all { #expect(page.contains("`\(verb.name)"), "\(verb.name)") }
        let start = try #require(page.firstRange(of: "```yaml\n")).upperBound
        let end = try #require(page[start...].firstRange(of: "```")).lowerBound
        #expect(throws: Never.self) { try Scenario(yaml: String(page[start..<end])) }
    }

    @Test("allows every scenario that comes with loopscope to be read")
    func fixtures() throws {
        let folder = Self.docs.appending(path: "../../fixtures/scenarios")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "yaml" }
        #expect(!files.isEmpty)
        for file in files {
            let text = try String(contentsOf: file, encoding: .utf8)
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try Scenario(yaml: text) }
        }
    }
}
