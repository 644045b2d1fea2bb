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

    /// Lines of `file` from `firstLine` on; what is beyond the limits is cut off.
    public init(time: Moment, pid: Int32, file: String, firstLine: Int, lines: [String]) {
        self.time = time
        self.pid = pid
        self.file = file
        self.firstLine = firstLine
        self.lines = lines.prefix(Self.lineLimit).map { String($0.prefix(Self.widthLimit)) }
    }

    /// Whether it shows a line of a file.
    public func shows(_ line: Int, of file: String) -> Bool {
        let (place, overflow) = line.subtractingReportingOverflow(firstLine)
        return self.file == file && !overflow && lines.indices.contains(place)
    }
}
