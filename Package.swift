// swift-tools-version: 6.1
import PackageDescription

/// Every room of the house. The number is its floor: a room imports only rooms of lower floors,
/// or of its own floor where `scripts/check-rooms` lists the pair. Keep the order of the floors here.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A room of Swift code under `Sources/`.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A room that reads processes. Its censuses come as often as their cost allows, so that an unoptimized reader sees a
/// fiftieth of what users' sees: `make test` has it optimized in debug builds too. Unsafe flags would bar the library
/// products from being depended upon, so nobody else does.
func readerRoom(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    let optimized: [SwiftSetting] =
        Context.environment["LOOPSCOPE_OPTIMIZED_READER"] == "1"
        ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : []
    return .target(name: name, dependencies: dependencies, swiftSettings: settings + optimized)
}

/// A room of C shims: what Glibc's Swift module hides, with `<stdint.h>` types and `-errno` results.
func shim(_ name: String, links: [String] = []) -> Target {
    .target(
        name: name, cSettings: [.define("_GNU_SOURCE")],
        linkerSettings: links.map { .linkedLibrary($0) })
}

/// The tests of a room, under `Tests/<room>Tests`.
func tests(_ name: String, _ more: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + more, exclude: exclude, swiftSettings: settings)
}

/// What the tests of several rooms share, under `Tests/<name>`.
func support(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "loopscope",
    products: [
        .executable(name: "loopscope", targets: ["loopscope"]),
        // Consumers, and a server for them, without the tool: their packages are SwiftNIO's.
        .library(name: "ConsumerRuntime", targets: ["ConsumerRuntime", "Instruments"]),
        .library(name: "RealtimeServer", targets: ["RealtimeServer"]),
        // What lets `loopscope attach` join them, with the place of a swallowed stop.
        .library(name: "EmbeddedProbe", targets: ["EmbeddedProbe", "ObservationSocket"]),
        // The same for any SwiftNIO server: a handler and a service.
        .library(name: "ServerLedger", targets: ["ServerLedger"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        // LedgerExample only: a service group wants a logger.
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        // Floor 0: C shims and system libraries.
        shim("CLinux"),
        shim("CElf", links: ["elf"]),
        shim("CSwiftRuntime"),
        shim("CZlib", links: ["z"]),
        shim("CUnwind", links: ["unwind-ptrace", "unwind-generic", "unwind", "lzma"]),

        // Floor 1: values and pure functions. No I/O, no clock.
        room("Statistics"),
        room("Observations", ["Statistics"]),
        // The only floor-1 room that is not pure: it reads clocks for all the others.
        room("Clocks", ["CLinux", "Observations"]),
        readerRoom("TargetMemory"),
        readerRoom("CPythonLayouts", ["TargetMemory"]),
        tests("Statistics"),
        tests("Clocks", ["Observations"]),
        tests("Observations", ["Statistics"]),
        tests("TargetMemory"),
        room("WebSocket", ["CZlib"]),
        tests("WebSocket"),

        // What servers do with their clients, as values, and what to think of it.
        room("Policy", ["Observations"]),
        tests("Policy", ["Observations"]),

        room("AgentRing", ["Observations"]),
        tests("AgentRing", ["Observations"]),

        room("Analysis", ["Observations", "Statistics"]),
        tests("Analysis", ["Observations", "Statistics"]),

        // Floor 2: files, processes, the kernel; and pure functions of recordings.
        room("Detectors", ["Analysis", "Observations"]),
        tests("Detectors", ["Analysis", "Observations"]),
        room("Gate", ["Analysis", "Observations", "Scenarios", "Statistics"]),
        tests("Gate", ["Analysis", "Observations", "Reports", "Scenarios", "Statistics"]),
        room("Reports", ["Analysis", "Gate", "Observations", "Policy", "Scenarios", "Statistics"]),
        tests("Reports", ["Analysis", "Observations", "Policy", "Statistics"], exclude: ["Golden"]),
        room(
            "Scenarios",
            [
                "Observations", "Statistics", .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Yams", package: "Yams"),
            ]),
        tests("Scenarios", ["Observations"]),
        readerRoom("RemoteProcess", ["Observations", "TargetMemory", "CLinux", "CElf", "CSwiftRuntime"]),
        // Folders that look like /proc, and children that say when they are ready.
        support("ProcessFixtures", ["RemoteProcess"]),
        tests("RemoteProcess", ["Observations", "ProcessFixtures", "TargetMemory"]),
        // Python programs that know the truth about themselves, for the tests of two rooms.
        support("PythonTargets", ["Observations"]),
        // A thread that is another user's.
        .target(name: "CThreadUser", path: "Tests/CThreadUser", cSettings: [.define("_GNU_SOURCE")]),
        tests("CPythonLayouts", ["PythonTargets", "RemoteProcess", "TargetMemory"], exclude: ["Images"]),

        room(
            "Recording",
            [
                "Observations", "Statistics", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        tests(
            "Recording",
            ["Observations", "Statistics", "RecordingVictim", .product(name: "GRDB", package: "GRDB.swift")]),
        .executableTarget(
            name: "RecordingVictim", dependencies: ["Recording", "Observations"], path: "Tests/Victims/Recording",
            swiftSettings: settings),

        .executableTarget(
            name: "RecordingBench", dependencies: ["Recording", "Observations"], path: "Benchmarks/recording",
            exclude: ["bench"], swiftSettings: settings),

        .executableTarget(
            name: "GateRates", dependencies: ["Analysis", "Gate", "Scenarios"], path: "Benchmarks/gate",
            exclude: ["bench", "rates.py"], swiftSettings: settings),

        room(
            "Instruments",
            [
                "Clocks", "CLinux", "Observations", "Statistics", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "Instruments",
            [
                "Observations", "Statistics", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
        room(
            "ObservationSocket",
            [
                "Clocks", "CLinux", "Observations", "Statistics", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "ObservationSocket",
            [
                "Clocks", "CThreadUser", "Instruments", "Observations", "Statistics",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),

        // Floor 3: one probe per kind of target; the runtime, its server, and clients.
        readerRoom(
            "CPythonProbe",
            ["Clocks", "CPythonLayouts", "RemoteProcess", "TargetMemory", "Observations", "Statistics", "CLinux"]),
        tests(
            "CPythonProbe",
            [
                "Clocks", "PythonTargets", "CPythonLayouts", "RemoteProcess", "TargetMemory", "Observations",
                "Statistics", "CThreadUser",
            ]),
        room("NativeProbe", ["Observations", "RemoteProcess", "CLinux", "CUnwind"]),
        room("AgentProbe", ["AgentRing", "Clocks", "Observations", "RemoteProcess"]),
        room("ProcessProbe", ["Clocks", "Observations", "Policy", "RemoteProcess"]),
        tests("ProcessProbe", ["Clocks", "Observations", "Policy", "ProcessFixtures", "RemoteProcess"]),
        tests("NativeProbe", ["CLinux", "Observations", "RemoteProcess"]),
        room(
            "ConsumerRuntime",
            [
                "Clocks", "Instruments", "Observations", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        room(
            "RealtimeServer",
            [
                "Clocks", "ConsumerRuntime", "Instruments", "Observations", "WebSocket",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        room("EmbeddedProbe", ["Clocks", "Instruments", "Observations", "RemoteProcess"]),
        tests("EmbeddedProbe", ["CLinux", "Observations", "RemoteProcess"]),
        room(
            "ServerLedger",
            [
                "Instruments", "ObservationSocket", "Observations", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        room(
            "Replay",
            [
                "Clocks", "Observations", "Policy", "Scenarios", "Statistics", "WebSocket",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "ConsumerRuntime",
            [
                "Instruments", "Observations", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        // A client that may send anything, for a test and for the fuzzer.
        support(
            "HTTPFuzzing",
            [
                "ConsumerRuntime", "Instruments", "Observations", "RealtimeServer",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
        tests(
            "RealtimeServer",
            [
                "HTTPFuzzing",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                "ConsumerRuntime", "Demo", "EmbeddedProbe", "Instruments", "NativeProbe", "Observations",
                "RemoteProcess", "Replay", "Statistics", "WebSocket",
            ]),

        tests(
            "Replay",
            [
                "Demo", "Observations", "Policy", "RealtimeServer", "Scenarios", "Statistics", "WebSocket",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),

        // Floor 4: sessions.
        room(
            "Session",
            [
                "Analysis", "Clocks", "Detectors", "Gate", "Launcher", "Observations", "Recording", "RemoteProcess",
                "Replay", "Scenarios",
            ]),
        room(
            "Launcher",
            [
                "CLinux", "ProcessProbe", "RemoteProcess", .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        tests("Session", ["Analysis", "Observations", "Recording"]),

        // Floors 5 and 6: commands, and the executable.
        room("Demo", ["ConsumerRuntime", "Instruments", "Observations", "Replay"]),
        room(
            "Commands",
            [
                "AgentProbe", "Analysis", "CPythonProbe", "Clocks", "ConsumerRuntime", "Demo", "Detectors",
                "EmbeddedProbe",
                "Gate",
                "Instruments", "Launcher", "NativeProbe", "ObservationSocket", "Observations", "Policy", "ProcessProbe",
                "Replay",
                "Scenarios", "TargetMemory", "RealtimeServer", "Recording", "RemoteProcess", "Reports", "Session",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests(
            "Commands",
            [
                "Analysis", "Demo", "Observations", "Policy", "RealtimeServer", "Recording", "Replay", "Session",
                "loopscope",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        // The static standard library would have all symbols exported: 41 000 names to search at each start, and 3 MB of them
        // resident. Not at a fixed address, which saves 1.2 ms of each start: Swift's unwinder then takes no frame for an
        // asynchronous one, and a swallowed stop is blamed on the thread it ran on.
        .executableTarget(
            name: "loopscope", dependencies: ["Commands"], swiftSettings: settings,
            linkerSettings: [
                .unsafeFlags(
                    ["-Xlinker", "--no-export-dynamic"], .when(platforms: [.linux], configuration: .release))
            ]),

        // Examples: programs of their own, shown in docs/ and run by a test.
        .executableTarget(
            name: "ChatExample",
            dependencies: ["ConsumerRuntime", "EmbeddedProbe", "Instruments", "ObservationSocket", "RealtimeServer"],
            path: "Examples/chat", swiftSettings: settings),
        .executableTarget(
            name: "LedgerExample",
            dependencies: [
                "ServerLedger", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Examples/ledger", swiftSettings: settings),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "ChatExample", "Commands", "ConsumerRuntime", "LedgerExample", "Replay",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),

        // Benchmarks: ratios taken side by side in one run, never tests.
        .executableTarget(
            name: "EchoBenchmark",
            dependencies: [
                "ConsumerRuntime", "Demo", "EmbeddedProbe", "Instruments", "Observations", "RealtimeServer",
                "WebSocket", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Benchmarks/echo", exclude: ["bench"], swiftSettings: settings),

        // Real processes and sockets.
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "loopscope", "Analysis", "CPythonProbe", "Commands", "Observations", "PythonTargets", "RemoteProcess",
                "Reports",
            ],
            swiftSettings: settings),
    ]
)

// `make fuzz` and `make autobahn` only: without libFuzzer's main the former do not link.
if Context.environment["LOOPSCOPE_FUZZ"] == "1" {
    package.targets += [
        .target(name: "FuzzDriver", path: "Tests/Fuzz/Driver", swiftSettings: settings),
        .executableTarget(
            name: "FuzzWebSocket", dependencies: ["FuzzDriver", "WebSocket"], path: "Tests/Fuzz/WebSocket",
            swiftSettings: settings),
        .executableTarget(
            name: "FuzzHTTP",
            dependencies: ["FuzzDriver", "HTTPFuzzing"], path: "Tests/Fuzz/HTTP", swiftSettings: settings),
        .executableTarget(
            name: "FuzzWalkers", dependencies: ["FuzzDriver", "CPythonLayouts", "TargetMemory"],
            path: "Tests/Fuzz/Walkers",
            swiftSettings: settings),
        .executableTarget(
            name: "AutobahnPeer",
            dependencies: ["ConsumerRuntime", "Demo", "Instruments", "Observations", "RealtimeServer", "Replay"],
            path: "Tests/Autobahn", swiftSettings: settings),
    ]
}

// Benchmarks/cpython only.
if Context.environment["LOOPSCOPE_BENCH"] == "1" {
    package.targets.append(
        .executableTarget(
            name: "bench-cpython",
            dependencies: [
                "CLinux", "Clocks", "CPythonLayouts", "CPythonProbe", "Observations", "PythonTargets", "RemoteProcess",
            ],
            path: "Benchmarks/cpython/Sources",
            swiftSettings: settings))
}

// `LOOPSCOPE_TESTS=CPythonProbe,Analysis swift test` builds the tests of these rooms and no others: the quick turn
// while one room is being furnished. `make test` never sets it.
if let rooms = Context.environment["LOOPSCOPE_TESTS"]?.split(separator: ",") {
    package.targets.removeAll { $0.isTest && !rooms.contains($0.name.dropLast("Tests".count)) }
}
