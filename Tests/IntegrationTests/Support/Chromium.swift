import Foundation

/// A headless Chromium, started once for each page.
struct Chromium {
    struct Failure: Error {
        let description: String
    }

    let executable: URL

    /// The one in the PATH; `nil` where there is none.
    static let installed: Chromium? = {
        let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        for name in ["chromium", "chromium-browser", "google-chrome"] {
            for directory in directories where FileManager.default.isExecutableFile(atPath: "\(directory)/\(name)") {
                return Chromium(executable: URL(filePath: "\(directory)/\(name)"))
            }
        }
        return nil
    }()

    static let absence = "no chromium in the PATH: `make setup-ci` installs it"

    /// The document of `html` after its scripts ran, opened as a file at `fragment`. A browser that hangs is ended.
    func document(of html: String, fragment: String = "") throws -> String {
        let directory = FileManager.default.temporaryDirectory.appending(path: "loopscope-page-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let page = directory.appending(path: "report.html")
        try Data(html.utf8).write(to: page)

        let browser = Process()
        browser.executableURL = executable
        browser.arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
            "--user-data-dir=\(directory.appending(path: "profile").path)", "--window-size=1280,900", "--dump-dom",
            "file://\(page.path)\(fragment.isEmpty ? "" : "#" + fragment)",
        ]
        let output = Pipe()
        browser.standardOutput = output
        browser.standardError = FileHandle.nullDevice
        try browser.run()
        let watchdog = DispatchWorkItem { browser.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 90, execute: watchdog)
        let document = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        browser.waitUntilExit()
        watchdog.cancel()
        guard browser.terminationStatus == 0 else {
            throw Failure(description: "\(executable.lastPathComponent) ended with \(browser.terminationStatus)")
        }
        return document
    }
}
