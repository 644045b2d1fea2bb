import Analysis
import Observations
import RemoteProcess
import Synchronization

/// Reads the source lines that findings point at, each once, while the target's files can still be read.
///
/// Detectors and reports open no file: what is read here is recorded. Python only: its files are where it runs.
final class SourceCollector: Sendable {
    /// Excerpts of one session, at most.
    private static let limit = 64
    /// Lines before and after the decisive one.
    private static let around = 2

    private struct Place: Hashable {
        let file: String
        let line: Int
    }

    private let known = Mutex<Set<Place>>([])

    /// The lines around each finding's decisive one that were not collected before.
    func collect(for findings: [Finding], _ evidence: Evidence) -> [SourceExcerpt] {
        guard evidence.start?.kind == .cpython else { return [] }
        return findings.compactMap { finding in
            guard let file = finding.location?.file, let line = finding.shownLine, line > 0,
                let pid = finding.pid ?? evidence.start?.pid
            else { return nil }
            let isNew = known.withLock { known in
                known.count < Self.limit && known.insert(Place(file: file, line: line)).inserted
            }
            return isNew ? excerpt(of: file, around: line, pid, at: evidence.now) : nil
        }
    }

    private func excerpt(of file: String, around line: Int, _ pid: Int32, at now: Moment) -> SourceExcerpt {
        do throws(SourceExcerpt.Absence) {
            let lines = try lines(of: file, pid)
            guard line <= lines.count else { throw .beyondEnd }
            let range = max(0, line - 1 - Self.around)..<min(lines.count, line + Self.around)
            return SourceExcerpt(
                time: now, pid: pid, file: file, firstLine: range.lowerBound + 1,
                lines: lines[range].map { String(decoding: $0.prefix(1024), as: UTF8.self) })
        } catch {
            return SourceExcerpt(time: now, pid: pid, file: file, line: line, absence: error)
        }
    }

    private func lines(of file: String, _ pid: Int32) throws(SourceExcerpt.Absence) -> [ArraySlice<UInt8>] {
        guard let identity = try? ProcessIdentity(of: pid) else { throw .processEnded }
        do throws(TargetFiles.Refusal) { return try TargetFiles(of: identity).lines(of: file) } catch {
            throw switch error {
            case .noFile: .noFile
            case .unreadable: .unreadable
            case .newer: .newer
            case .binary: .binary
            case .tooLarge: .tooLarge
            }
        }
    }
}

extension SourceExcerpt.Absence: Error {}
