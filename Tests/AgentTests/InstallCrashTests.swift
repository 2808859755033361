import Agent
import Model
import System
import Testing
import Trust

/// Cuts through a real install on a real disk: the process is gone before the effect of every number in turn, then started again.
@Suite("Cuts through an install")
struct InstallCrashTests {
    /// A machine with release 1.0 of `tool`, an order for 2.0, and the real executor behind the core.
    private final class Machine {
        let folder: TestFolder
        let world: AgentWorld
        let installer: TreeInstaller
        let product: ProductName

        init(script: String) throws {
            folder = try TestFolder()
            product = try ProductName("tool")
            let store = try SQLiteAgentStore(path: folder.file("agent.db"), incarnation: 1, now: .zero)
            world = try AgentWorld(store: store)
            let installer = TreeInstaller(
                products: folder.file("products"), child: UnpackChild(command: [try agentProgram()]))
            self.installer = installer
            let executor = InstallExecutor(
                installer: installer, hooks: HookRunner(folder: folder.file("hooks")),
                downloads: folder.file("downloads"), trial: TrialFile(path: folder.file("trial.json")),
                configuration: AgentConfiguration())
            world.perform = { executor.perform($0) }
            let folder = folder
            var archives: [SHA256Digest: [UInt8]] = [:]
            for (version, text) in [("1.0", "#!/bin/sh\necho 1.0\n"), ("2.0", script)] {
                let archive = Sample.archive(version: version, script: text)
                archives[try Self.package(archive, version).sha256] = archive
                packages[version] = try Self.package(archive, version)
            }
            let known = archives
            world.download = { package in
                do {
                    try folder.write("downloads/\(package.sha256.hex)", known[package.sha256] ?? [])
                    return .complete
                } catch {
                    return .failed("\(error)")
                }
            }
            for package in packages.values { world.name(package) }
        }

        private(set) var packages: [String: Package] = [:]

        private static func package(_ archive: [UInt8], _ version: String) throws -> Package {
            try Sample.package(
                archive, release: version, counter: version == "1.0" ? 1 : 2,
                install: InstallSteps(
                    health: HealthCheck(argv: ["bin/tool"], timeoutSeconds: 20), program: "bin/tool"))
        }

        func order(_ version: String, action: UInt64) throws {
            let package = try #require(packages[version])
            try world.send(try world.order(package, action: Sample.action(action)))
        }

        func printed() throws -> String {
            try ChildProcess(folder.file("products/tool/current/bin/tool")).run().outputText
        }

        /// Boots again until nothing kills it, as a supervisor does.
        func bootAgain() throws {
            world.facts.installed = try installer.installed()
            try world.boot()
            try world.connect()
            try world.pass(.seconds(100))
        }
    }

    /// More than the effects of a whole update or way back: the first cuts must be reached, the last must not.
    private static let cuts = 0..<28

    @Test(
        "before every effect of an update: the old release or the new one runs, and the update is finished",
        arguments: cuts)
    func cutUpdate(cut: Int) throws {
        let machine = try Machine(script: "#!/bin/sh\necho 2.0\n")
        try machine.world.boot()
        try machine.world.connect()
        try machine.order("1.0", action: 1)
        #expect(machine.world.states(Sample.action(1)).last == .succeeded)
        machine.world.killBeforeEffect = cut
        do {
            try machine.order("2.0", action: 2)
            #expect(cut > 18, "cut \(cut) was not reached")
        } catch is Killed {
            #expect(cut < Self.cuts.upperBound - 1, "more cuts are needed")
            let text = try machine.printed()
            #expect(text == "1.0\n" || text == "2.0\n")
            try machine.bootAgain()
            // An order that was not acknowledged comes again.
            if try machine.world.store.action(Sample.action(2)) == nil { try machine.order("2.0", action: 2) }
        }
        #expect(try machine.printed() == "2.0\n")
        #expect(try machine.world.store.action(Sample.action(2))?.state == .succeeded)
        #expect(machine.world.states(Sample.action(2)).last == .succeeded)
        #expect(try machine.installer.installed().map(\.release.text) == ["2.0"])
        #expect(try machine.world.store.queuedReports(limit: 9).isEmpty)
    }

    @Test("before every effect of an update that turns out sick: the old release runs in the end", arguments: cuts)
    func cutSickUpdate(cut: Int) throws {
        let machine = try Machine(script: "#!/bin/sh\nexit 1\n")
        try machine.world.boot()
        try machine.world.connect()
        try machine.order("1.0", action: 1)
        machine.world.killBeforeEffect = cut
        do {
            try machine.order("2.0", action: 2)
            #expect(cut > 18, "cut \(cut) was not reached")
        } catch is Killed {
            #expect(cut < Self.cuts.upperBound - 1, "more cuts are needed")
            let current = try machine.installer.current(machine.product)?.text
            #expect(current == "1.0" || current == "2.0")
            try machine.bootAgain()
            if try machine.world.store.action(Sample.action(2)) == nil { try machine.order("2.0", action: 2) }
        }
        #expect(try machine.printed() == "1.0\n")
        #expect(machine.world.states(Sample.action(2)).last == .rolledBack)
        #expect(try Directory.list(machine.folder.file("products/tool")) == ["1.0", "current"])
        #expect(try machine.world.store.rejected().map(\.release.text) == ["2.0"])
    }
}
