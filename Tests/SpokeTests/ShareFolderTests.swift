import Model
import Spoke
import System
import TestSupport
import Testing

@Suite("A share's folder")
struct ShareFolderTests {
    private let temporary: TemporaryFolder
    private var path: String { temporary.path + "/share" }

    init() throws {
        temporary = try TemporaryFolder()
        try Directory.create(temporary.path + "/share")
    }

    private func folder(keep: Int = 2, name: String = "apps", at path: String? = nil) throws -> ShareFolder {
        let share = Share(
            name: try NodeName(name), product: try ProductName("ruff"), folder: path ?? self.path, keep: keep)
        return ShareFolder(share: share, owner: "spoke-1") { _ in }
    }

    @discardableResult
    private func publish(_ name: String, keep: Int = 2) throws -> ShareView {
        try folder(keep: keep).publish(name, needed: ByteCount(10)) { place in
            try AtomicFile.write(Array(name.utf8), to: Directory.join(place, "tool"))
        }
    }

    private func shown() throws -> String {
        String(decoding: try File.read(path + "/current/tool", limit: 100), as: UTF8.self)
    }

    private func releases() throws -> [String] {
        try Directory.list(path + "/.releases").filter { !$0.hasPrefix(".") }
    }

    private func refusal(_ body: () throws -> Void) throws -> String? {
        do {
            try body()
            return nil
        } catch let problem as ShareFolder.Problem {
            return problem.description
        }
    }

    @Test("a release is shown, the one before stays, older ones go")
    func published() throws {
        #expect(try publish("1.0-aa") == ShareView(shown: "1.0-aa", isNew: true))
        #expect(try publish("1.0-aa") == ShareView(shown: "1.0-aa"))
        for name in ["1.1-bb", "1.2-cc", "1.3-dd"] { #expect(try publish(name).isNew) }
        #expect(try shown() == "1.3-dd" && releases() == ["1.2-cc", "1.3-dd"])
        #expect(try folder().tidy() == ShareView(shown: "1.3-dd"))
        // Back to one that is still there, without making it again.
        let view = try folder().publish("1.2-cc", needed: .zero) { _ in Issue.record("made again") }
        #expect(view == ShareView(shown: "1.2-cc", isNew: true))
        #expect(try publish("1.4-ee", keep: 1).isNew)
        #expect(try releases() == ["1.4-ee"])
        #expect(try Directory.list(path) == [".releases", "current"])
    }

    @Test("a folder knows by which rule its release was chosen, and one that says nothing shows the newest")
    func rule() throws {
        try publish("2.0-bb")
        func folder(_ shows: ShareRule) throws -> ShareFolder {
            let share = Share(
                name: try NodeName("apps"), product: try ProductName("ruff"), folder: path, shows: shows)
            return ShareFolder(share: share, owner: "spoke-1") { _ in }
        }
        let marker = path + "/.releases/.axle-share"
        // As an earlier release has written it.
        let old = #"{"format":1,"owner":"spoke-1","releases":["2.0-bb"],"share":"apps"}"#
        try AtomicFile.write(Array(old.utf8), to: marker)
        #expect(try folder(.completed).tidy() == ShareView(shown: "2.0-bb", shownBy: .newest), "only looked at")
        let same = try folder(.completed).publish("2.0-bb", needed: .zero) { _ in Issue.record("made again") }
        #expect(same == ShareView(shown: "2.0-bb", shownBy: .completed))
        #expect(try folder(.newest).tidy().shownBy == .completed)
        // A cut before the switch leaves the rule that chose what is shown.
        let pinned = ShareRule.pinned(try ReleaseName("1.0"))
        #expect(throws: SystemError.self) {
            try folder(pinned).publish("1.0-aa", needed: .zero) { _ in
                throw SystemError(call: "write", errno: .noSpace)
            }
        }
        #expect(try folder(pinned).tidy() == ShareView(shown: "2.0-bb", shownBy: .completed))
        let view = try folder(pinned).publish("1.0-aa", needed: .zero) { _ in }
        #expect(view == ShareView(shown: "1.0-aa", shownBy: pinned, isNew: true))
        #expect(try folder(.newest).tidy().shownBy == pinned)
    }

    @Test("a release that cannot be made leaves the one before, and nothing half-way")
    func failed() throws {
        try publish("1.0-aa")
        #expect(throws: SystemError.self) {
            try folder().publish("2.0-bb", needed: .zero) { place in
                try AtomicFile.write([1], to: Directory.join(place, "tool"))
                throw SystemError(call: "write", errno: .noSpace)
            }
        }
        #expect(try shown() == "1.0-aa" && releases() == ["1.0-aa"])
        #expect(!File.exists(path + "/.releases/.new"))
        let problem = try refusal { _ = try folder().publish("2.0-bb", needed: ByteCount(1 << 60)) { _ in } }
        #expect(problem?.contains("make room") == true)
    }

    @Test("whatever a cut leaves is the old release or the new one, and the next look removes the rest")
    func cuts() throws {
        try publish("1.0-aa")
        // While one is being made, and between its name and the switch.
        for left in [".new", "2.0-bb"] {
            try Directory.create(path + "/.releases/\(left)")
            try AtomicFile.write([1], to: path + "/.releases/\(left)/tool")
            #expect(try folder().tidy().shown == "1.0-aa")
            #expect(try releases() == ["1.0-aa"] && !File.exists(path + "/.releases/.new"))
        }
        // Switched, and the old ones not yet gone.
        try publish("2.0-bb")
        try Directory.create(path + "/.releases/0.9-zz")
        #expect(try folder().tidy().shown == "2.0-bb")
        #expect(try releases() == ["1.0-aa", "2.0-bb"])
        // The first of all, before anything was written down.
        let other = temporary.path + "/other"
        try Directory.create(other + "/.releases")
        #expect(try folder(at: other).tidy().shown == nil)
        #expect(try folder(at: other).publish("1.0-aa", needed: .zero) { _ in }.isNew)
        // While the first one was being made.
        let third = temporary.path + "/third"
        try Directory.create(third)
        _ = try folder(at: third).publish("1.0-aa", needed: .zero) { place in
            #expect(File.exists(third + "/.releases/.axle-share"), "a cut here leaves a folder that is nobody's")
            try AtomicFile.write([1], to: Directory.join(place, "tool"))
        }
        try File.remove(third + "/current")
        try Directory.create(third + "/.releases/.new")
        #expect(try folder(at: third).tidy().shown == nil)
        #expect(try folder(at: third).publish("1.0-aa", needed: .zero) { _ in }.isNew)
        // The release that is shown was removed by somebody: it is made again.
        try Directory.removeTree(path + "/.releases/2.0-bb")
        #expect(try folder().tidy().shown == nil)
        #expect(try publish("2.0-bb").isNew)
        #expect(try shown() == "2.0-bb")
    }

    @Test("a folder that is not there, a link, a file, or somebody else's is refused and not touched")
    func refused() throws {
        func refused(_ path: String) throws -> String {
            try refusal {
                _ = try folder(at: path).publish("1-a", needed: .zero) { _ in Issue.record("filled") }
            } ?? "taken"
        }
        let missing = temporary.path + "/missing"
        #expect(try refused(missing).contains("make it"))
        #expect(!File.exists(missing))
        let link = temporary.path + "/link"
        try File.swapLink(link, to: path)
        #expect(try refused(link).contains("is a link"))
        #expect(try refused(try temporary.write("file", [1])).contains("no folder"))
        for (name, make) in [
            ("current as a file", { try AtomicFile.write([1], to: $0 + "/current") }),
            ("current as a folder", { try Directory.create($0 + "/current") }),
            ("current elsewhere", { try File.swapLink($0 + "/current", to: "/etc") }),
            ("current upwards", { try File.swapLink($0 + "/current", to: ".releases/..") }),
            ("releases as a file", { try AtomicFile.write([1], to: $0 + "/.releases") }),
            ("releases as a link", { try File.swapLink($0 + "/.releases", to: "/etc") }),
            ("releases of somebody", { try Directory.create($0 + "/.releases/theirs") }),
            (
                "a marker that is none",
                {
                    try Directory.create($0 + "/.releases")
                    try AtomicFile.write([1], to: $0 + "/.releases/.axle-share")
                }
            ),
        ] as [(String, (String) throws -> Void)] {
            let place = temporary.path + "/\(name)"
            try Directory.create(place)
            try make(place)
            let before = try Program.run("find", [place, "-ls"])
            let text = try refused(place)
            #expect(text.contains("move it away"), "\(name): \(text)")
            #expect(try Program.run("find", [place, "-ls"]) == before, "\(name)")
        }
        try publish("1.0-aa")
        let other = try refusal { _ = try folder(name: "other").publish("1-a", needed: .zero) { _ in } }
        #expect(other?.contains("belongs to share apps") == true)
        #expect(try shown() == "1.0-aa")
    }
}
