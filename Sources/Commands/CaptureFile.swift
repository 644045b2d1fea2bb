import ArgumentParser
import Foundation
import Observations
import Scenarios

/// `--speed`: how fast a capture is played.
struct SpeedOption: ExpressibleByArgument, Sendable {
    let speed: Scenario.Speed

    init(_ speed: Scenario.Speed) { self.speed = speed }

    init?(argument: String) {
        if argument == "max" {
            speed = .asFastAsPossible
        } else if let factor = Double(argument.hasSuffix("x") ? String(argument.dropLast()) : argument),
            factor >= 0.001, factor <= 1000
        {
            speed = .times(factor)
        } else {
            return nil
        }
    }
}

/// A HAR file: what a browser's DevTools recorded.
enum CaptureFile {
    /// Whether a file is one: by its name, or by how it begins.
    static func isCapture(_ path: String) -> Bool {
        if path.lowercased().hasSuffix(".har") { return true }
        guard let file = try? FileHandle(forReadingFrom: URL(filePath: path)) else { return false }
        defer { try? file.close() }  // nothing was written
        let head = String(decoding: (try? file.read(upToCount: 256)) ?? Data(), as: UTF8.self)
        return head.drop { $0.isWhitespace || $0 == "\u{FEFF}" }.first == "{" && head.contains("\"log\"")
    }

    /// Reads it a piece at a time: its size does not matter, what it holds to be sent again does.
    ///
    /// - Throws: `CommandError`.
    static func read(_ path: String) throws -> Capture {
        let file: FileHandle
        do { file = try FileHandle(forReadingFrom: URL(filePath: path)) } catch {
            throw CommandError(
                "cannot read the capture \(path.plain())", why: error.fileTrouble.plain(), do: "name a readable file",
                status: .unreadable)
        }
        defer { try? file.close() }  // nothing was written
        var reader = HARReader()
        var isFirst = true
        while true {
            var piece: Data
            do { piece = try file.read(upToCount: 1 << 18) ?? Data() } catch {
                throw CommandError(
                    "cannot read the capture \(path.plain())", why: error.fileTrouble.plain(),
                    do: "name a readable file", status: .unreadable)
            }
            if isFirst, piece.starts(with: [0xEF, 0xBB, 0xBF]) { piece = Data(piece.dropFirst(3)) }
            isFirst = false
            if piece.isEmpty { break }
            do throws(CaptureError) {
                try Self.feed(piece, &reader)
            } catch {
                throw CommandError(error, in: path)
            }
        }
        do throws(CaptureError) { return try reader.finish() } catch { throw CommandError(error, in: path) }
    }

    private static func feed(_ piece: Data, _ reader: inout HARReader) throws(CaptureError) {
        var mistake: CaptureError?
        piece.withUnsafeBytes { bytes in
            do throws(CaptureError) { try reader.read(bytes) } catch { mistake = error }
        }
        if let mistake { throw mistake }
    }
}

extension CommandError {
    /// What is wrong with a capture.
    init(_ error: CaptureError, in path: String) {
        self.init("\(path.plain()): \(error.what.plain())", do: error.remedy?.plain(limit: 400), status: .wrongContent)
    }
}
