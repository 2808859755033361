// swift-tools-version: 6.2
import PackageDescription

// The house rules of the compiler: language mode 6, every warning an error, imports say what they mean.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Pure modules (L2, L3) also promise that no memory is touched unsafely.
let pure: [SwiftSetting] = house + [.strictMemorySafety()]

/// A module of the product; `layer` names its folder's place in DESIGN.md and is checked by Tests/Tidy/tidy.py.
func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], _ settings: [SwiftSetting] = house, exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(name)", exclude: exclude, swiftSettings: settings)
}

/// A thin program over one of the libraries: flags, configuration, signals.
func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "Sources/Programs/\(name)", swiftSettings: house)
}

/// The tests of one module, in the folder of its name.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: house)
}

let package = Package(
    name: "Axle",
    products: [
        .executable(name: "axle-hub", targets: ["axle-hub"]),
        .executable(name: "axle-spoke", targets: ["axle-spoke"]),
        .executable(name: "axle-agent", targets: ["axle-agent"]),
        .executable(name: "axle", targets: ["axle"]),
        .executable(name: "axle-tuf", targets: ["axle-tuf"]),
        .executable(name: "axle-sim", targets: ["axle-sim"]),
    ],
    targets: [
        // L0: C, behind module maps and static inline shims.
        .target(
            name: "COpenSSL", path: "Sources/COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(name: "CSQLite", path: "Sources/CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "CLinux", path: "Sources/CLinux"),
        // Declarations of what is loaded at run time; nothing is linked.
        .target(name: "CZstd", path: "Sources/CZstd"),
        .target(name: "CXZ", path: "Sources/CXZ"),
        .target(name: "CZlib", path: "Sources/CZlib"),

        // L1: the only importers of C.
        module("System", ["CLinux"]),
        module("TLS", ["COpenSSL", "System"]),
        module("SQLite", ["CSQLite", "System"]),
        module("Compression", ["CXZ", "CZlib", "CZstd", "System"]),

        // L2: values and their encodings; no IO.
        module("Model", [], pure),
        module("Codec", [], pure),

        // L3: decisions; no IO.
        module("Protocol", ["Model", "Codec"], pure, exclude: ["axle.cddl"]),
        module("Trust", ["Model", "Codec"], pure),
        module("Rollout", ["Model"], pure),
        module("API", ["Codec", "Model"], pure),

        // L4: the shells' parts.
        module("Identity", ["Codec", "Model", "Protocol", "System", "TLS", "Trust"]),
        module("Network", ["Model", "System", "TLS"]),
        module("Transport", ["Identity", "Model", "Network", "Protocol", "Settings", "System", "TLS", "Trust"]),
        module("Content", ["Compression", "Model", "System", "TLS"]),
        module("Settings", ["Codec", "Model", "System"]),
        module("HTTP", ["Model", "Network", "System", "TLS"]),
        module("Storage", ["Compression", "Content", "Model", "System", "TLS"]),

        // L5: the daemons and the operator's tools; never import each other.
        module(
            "Hub",
            [
                "API", "Codec", "Content", "HTTP", "Identity", "Model", "Network", "Protocol", "Rollout", "SQLite",
                "Settings", "Storage", "System", "TLS", "Transport", "Trust",
            ]),
        module(
            "Spoke",
            [
                "Codec", "Content", "Identity", "Model", "Network", "Protocol", "Rollout", "SQLite", "Settings",
                "Storage", "System", "TLS", "Transport", "Trust",
            ]),
        module(
            "Agent",
            [
                "Codec", "Content", "Identity", "Model", "Network", "Protocol", "Rollout", "SQLite", "Settings",
                "System", "TLS", "Transport", "Trust",
            ]),
        module(
            "Operator", ["API", "Codec", "Content", "HTTP", "Identity", "Model", "Rollout", "System", "TLS", "Trust"]),
        // The fleet in one process: the daemons' cores over a simulated world; the product never imports it.
        module(
            "Simulation",
            [
                "Agent", "Codec", "Content", "Hub", "Model", "Protocol", "Rollout", "SQLite", "Spoke", "Storage",
                "System",
                "TLS", "Trust",
            ]),

        // L6: programs.
        program("axle-hub", ["Content", "Hub", "System"]),
        program("axle-spoke", ["Content", "Spoke", "System"]),
        program("axle-agent", ["Agent", "System"]),
        program("axle-tuf", ["Operator", "System"]),
        program("axle", ["Content", "Operator", "System"]),
        program("axle-sim", ["Simulation", "System"]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Model", "System", "TLS"], path: "Tests/TestSupport",
            swiftSettings: house),
        .target(
            name: "StorageSupport", dependencies: ["Content", "Model", "Storage", "System", "TLS"],
            path: "Tests/StorageSupport",
            swiftSettings: house),
        .executableTarget(
            name: "axle-crash", dependencies: ["Model", "Storage", "StorageSupport", "System", "TLS"],
            path: "Tests/Crash", exclude: ["powercut.py"], swiftSettings: house),
        .executableTarget(
            name: "axle-bench",
            dependencies: [
                "Codec", "Content", "Identity", "Model", "Network", "Protocol", "Storage", "System", "TLS",
                "TestSupport",
                "Transport", "Trust",
            ],
            path: "Tests/Bench",
            exclude: [
                "attack.py", "bench.py", "link.py", "replication.py", "slow_link.py", "sim_compare.py",
                "slow_update.py",
                "tuf_refresh.py",
            ],
            swiftSettings: house),
        tests("System", ["System", "TestSupport"]),
        tests("TLS", ["TLS", "TestSupport"]),
        tests("SQLite", ["SQLite", "System", "TestSupport"]),
        tests("Model", ["Model", "TestSupport"]),
        tests("Codec", ["Codec", "TestSupport"]),
        tests("Protocol", ["Codec", "Model", "Protocol", "TestSupport"], exclude: ["validate_session.py"]),
        tests("Identity", ["Codec", "Identity", "Model", "Protocol", "System", "TLS", "TestSupport", "Trust"]),
        tests("Trust", ["Codec", "Model", "TLS", "TestSupport", "Trust"]),
        tests("Rollout", ["Model", "Rollout"]),
        tests("API", ["API", "Model"]),
        tests("Network", ["Model", "Network", "System", "TLS", "TestSupport"]),
        tests("Transport", ["Codec", "Model", "Network", "Protocol", "System", "TLS", "TestSupport", "Transport"]),
        tests("HTTP", ["HTTP", "Model", "Network", "System", "TLS", "TestSupport"]),
        tests(
            "Storage",
            ["Compression", "Content", "Model", "Storage", "StorageSupport", "System", "TLS", "TestSupport"]),
        tests("Compression", ["Compression", "TestSupport"]),
        tests("Content", ["Compression", "Content", "Model", "System", "TLS", "TestSupport"]),
        tests("Settings", ["Agent", "Codec", "Hub", "Settings", "Spoke", "System", "TestSupport"]),
        tests(
            "Hub",
            [
                "API", "Codec", "Content", "HTTP", "Hub", "Identity", "Model", "Network", "Protocol", "Rollout",
                "SQLite",
                "Settings",
                "Storage",
                "System",
                "TLS", "TestSupport", "Transport", "Trust",
            ], exclude: ["zone_oracle.py"]),
        tests(
            "Spoke",
            [
                "Codec", "Model", "Protocol", "SQLite", "Spoke", "Storage", "System", "TLS", "TestSupport",
                "Transport", "Trust",
            ]),
        tests(
            "Agent",
            [
                "Agent", "Codec", "Content", "Identity", "Model", "Network", "Protocol", "Rollout", "SQLite", "System",
                "TLS", "TestSupport", "Transport", "Trust",
            ]),
        tests(
            "Operator",
            [
                "API", "Codec", "HTTP", "Identity", "Model", "Network", "Operator", "System", "TLS", "TestSupport",
                "Trust",
            ]),
        tests("Simulation", ["Model", "Simulation", "System", "TestSupport"]),
        // Fleets of real processes, with the attacker in the test, or with clocks that the test moves.
        tests(
            "Fleet",
            [
                "Agent", "Codec", "Content", "Hub", "Identity", "Model", "Network", "Operator", "Protocol", "Spoke",
                "System",
                "TLS",
                "TestSupport", "Transport", "Trust",
            ]),
    ]
)
