import Clocks
@preconcurrency import Glibc  // `stdout` and `stderr` are C globals
import Synchronization

/// Everything a command touches besides its target: streams, environment, clock. Tests give their own.
public struct World: Sendable {
    /// Writes results. Nothing else is written there.
    public var output: @Sendable (String) -> Void
    /// Writes errors and progress.
    public var error: @Sendable (String) -> Void
    /// Whether results go to a terminal.
    public var outputIsTerminal: Bool
    /// Whether progress goes to a terminal.
    public var errorIsTerminal: Bool
    /// The environment.
    public var environment: [String: String]
    /// Seconds since 1970.
    public var wallClock: @Sendable () -> Double
    /// Absolute path of this program, for remedies that name it.
    public var program: String

    /// A world.
    public init(
        output: @escaping @Sendable (String) -> Void, error: @escaping @Sendable (String) -> Void,
        outputIsTerminal: Bool = false, errorIsTerminal: Bool = false, environment: [String: String] = [:],
        wallClock: @escaping @Sendable () -> Double = { 0 }, program: String = "loopscope"
    ) {
        self.output = output
        self.error = error
        self.outputIsTerminal = outputIsTerminal
        self.errorIsTerminal = errorIsTerminal
        self.environment = environment
        self.wallClock = wallClock
        self.program = program
    }

    /// The world of the command that is running. Set once, around the whole command.
    @TaskLocal static var current = World.process

    /// The real one.
    public static let process = World(
        output: { write($0, to: STDOUT_FILENO) }, error: { write($0, to: STDERR_FILENO) },
        outputIsTerminal: isatty(STDOUT_FILENO) == 1, errorIsTerminal: isatty(STDERR_FILENO) == 1,
        environment: readEnvironment(), wallClock: WallClock.now, program: readProgramPath())

    /// Writes the whole text; a reader that went away (EPIPE) ends the writing, not the program.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = ArraySlice(text.utf8)
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return
            }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func readEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            // By its bytes: each command begins with this.
            if let equals = strchr(pointer, 0x3D) {
                let name = UnsafeRawBufferPointer(start: pointer, count: equals - pointer)
                variables[String(decoding: name, as: UTF8.self)] = String(cString: equals + 1)
            }
            entry += 1
        }
        return variables
    }

    private static func readProgramPath() -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : "loopscope"
    }
}
