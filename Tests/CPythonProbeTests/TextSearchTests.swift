import Testing

@testable import CPythonProbe

@Suite("Searching a text by its bytes")
struct TextSearchTests {
    @Test(
        "says what `contains` says",
        arguments: [
            "", "/", "/lib/", "/usr/lib/python3.12/asyncio/base_events.py", "//lib/python3", "/lib/python",
            "é/lib/pythön3", "/opt/lib/lib/python3.9",
        ])
    func agrees(text: String) { #expect(text.holds("/lib/python3") == text.contains("/lib/python3")) }
}
