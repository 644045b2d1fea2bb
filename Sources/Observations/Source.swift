/// A few lines of a source file of the target, read while the file was still what the target runs.
///
/// Recorded, so that a report can show them later and elsewhere without opening a file.
public struct SourceExcerpt: Hashable, Sendable, Codable {
    /// Most lines of one excerpt, and most characters of one line.
    public static let (lineLimit, widthLimit) = (5, 160)

    /// When it was read.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// Path as the target knows it.
    public var file: String
    /// Number of the first line, 1-based.
    public var firstLine: Int
    /// The lines, without their ends.
    public var lines: [String]

    /// Why a line that was looked for is not shown.
    public enum Absence: String, Hashable, Sendable, Codable, CaseIterable {
        /// Code that was made of no file: `exec`, a frozen module.
        case noFile
        /// The file is not there, or neither we nor the target may read it.
        case unreadable
        /// The file was changed after the process began: it runs other lines.
        case newer
        /// The file has fewer lines: it is another one.
        case beyondEnd
        /// The file is no text.
        case binary
        /// The file is larger than any source.
        case tooLarge
        /// The process had ended when the line was looked for.
        case processEnded

        /// For a person, after `not shown: `.
        public var words: String {
            switch self {
            case .noFile: "it was made of no file"
            case .unreadable: "the file cannot be read where the process sees it"
            case .newer: "the file was changed after the process began, which runs other lines"
            case .beyondEnd: "the file has no such line, so it is not what the process runs"
            case .binary: "the file is not text"
            case .tooLarge: "the file is too large for source"
            case .processEnded: "the process had ended before its files were read"
            }
        }
    }

    /// Why there are no lines; `nil` where there are some.
    public var absence: Absence?

    /// The place of a line that cannot be shown.
    public init(time: Moment, pid: Int32, file: String, line: Int, absence: Absence) {
        (self.time, self.pid, self.file, firstLine, lines) = (time, pid, file, line, [])
        self.absence = absence
    }

    /// Lines of `file` from `firstLine` on; what is beyond the limits is cut off.
    public init(time: Moment, pid: Int32, file: String, firstLine: Int, lines: [String]) {
        self.time = time
        self.pid = pid
        self.file = file
        self.firstLine = firstLine
        self.lines = lines.prefix(Self.lineLimit).map { String($0.prefix(Self.widthLimit)) }
    }

    /// Whether it shows a line of a file, or says why not.
    public func shows(_ line: Int, of file: String) -> Bool {
        if absence != nil { return self.file == file && line == firstLine }
        let (place, overflow) = line.subtractingReportingOverflow(firstLine)
        return self.file == file && !overflow && lines.indices.contains(place)
    }
}
