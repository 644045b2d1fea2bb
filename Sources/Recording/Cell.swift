import Observations
import Statistics

/// One value of a row, as SQLite knows it.
enum Cell: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// A Swift value that is one column. Reading gives `nil` for a cell that cannot be one: a recording is hostile.
protocol ColumnValue {
    init?(cell: Cell)
    var cell: Cell { get }
}

extension ColumnValue where Self: BinaryInteger & Sendable {
    init?(cell: Cell) {
        guard case .integer(let value) = cell else { return nil }
        self.init(exactly: value)
    }

    var cell: Cell { .integer(Int64(truncatingIfNeeded: self)) }
}

extension Int: ColumnValue {}
extension Int32: ColumnValue {}
extension Int64: ColumnValue {}

/// Identities use all 64 bits and SQLite's integers are signed: stored as the same bits.
extension UInt64: ColumnValue {
    init?(cell: Cell) {
        guard case .integer(let value) = cell else { return nil }
        self.init(bitPattern: value)
    }
}

extension Double: ColumnValue {
    init?(cell: Cell) {
        switch cell {
        case .real(let value): self = value
        case .integer(let value): self.init(value)
        default: return nil
        }
    }

    var cell: Cell { .real(self) }
}

extension Bool: ColumnValue {
    init?(cell: Cell) {
        guard case .integer(let value) = cell, (0...1).contains(value) else { return nil }
        self = value == 1
    }

    var cell: Cell { .integer(self ? 1 : 0) }
}

extension String: ColumnValue {
    init?(cell: Cell) {
        guard case .text(let value) = cell else { return nil }
        self = value
    }

    var cell: Cell { .text(self) }
}

extension Moment: ColumnValue {
    init?(cell: Cell) {
        guard case .integer(let value) = cell else { return nil }
        self.init(nanoseconds: value)
    }

    var cell: Cell { .integer(nanoseconds) }
}

extension Nanoseconds: ColumnValue {
    init?(cell: Cell) {
        guard case .integer(let value) = cell else { return nil }
        self.init(value)
    }

    var cell: Cell { .integer(count) }
}

extension DurationHistogram: ColumnValue {
    init?(cell: Cell) {
        guard case .blob(let value) = cell else { return nil }
        self.init(bytes: value)
    }

    var cell: Cell { .blob(bytes) }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
    init?(cell: Cell) {
        if case .null = cell {
            self = .none
        } else {
            guard let value = Wrapped(cell: cell) else { return nil }
            self = .some(value)
        }
    }

    var cell: Cell { self?.cell ?? .null }
}

/// Words are stored as words, so that a person can ask for them.
extension ColumnValue where Self: RawRepresentable, RawValue == String {
    init?(cell: Cell) {
        guard case .text(let value) = cell else { return nil }
        self.init(rawValue: value)
    }

    var cell: Cell { .text(rawValue) }
}

extension Grade: ColumnValue {}
extension SessionStart.Kind: ColumnValue {}
extension SessionEnd.Reason: ColumnValue {}
extension StackSample.Activity: ColumnValue {}
extension Frame.Kind: ColumnValue {}
extension DispatchOutcome: ColumnValue {}
extension ConnectionEvent.Step: ColumnValue {}
extension ConnectionEvent.Outcome: ColumnValue {}
extension SocketState: ColumnValue {}
extension WaitKind: ColumnValue {}
extension TaskGroup.State: ColumnValue {}
extension LayerEvent.Kind: ColumnValue {}
extension BridgeEvent.Kind: ColumnValue {}
extension ClientEvent.Kind: ColumnValue {}
extension SourceExcerpt.Absence: ColumnValue {}
