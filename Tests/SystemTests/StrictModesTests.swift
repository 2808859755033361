import System
import Testing

@Suite struct StrictModesTests {
    private func folder(_ body: (String) throws -> Void) throws {
        let secrets = [
            "identity/order.key", "identity/key.pem", "identity/ca-0002/issuing.key", "admin.token", "hub.db",
        ]
        try withFolder { scratch in
            let path = scratch + "/state"
            _ = try StateFolder.create(path, kind: "hub", version: 1) { folder in
                try Directory.create(folder + "/identity/ca-0002", mode: 0o700)
                for name in secrets { try AtomicFile.write("secret", to: folder + "/" + name, mode: 0o600) }
                try AtomicFile.write("public", to: folder + "/ca.pem")
                try AtomicFile.write("{}", to: folder + "/hub.json5")
            }
            try body(path)
        }
    }

    @Test func aFolderAsItIsMadeIsGood() throws {
        try folder { path in
            let found = try StrictModes.problems(path)
            #expect(found == [])
        }
    }

    @Test(arguments: [
        (".", 0o777), (".", 0o770), (".", 0o702), ("identity", 0o770), ("hub.json5", 0o666), ("ca.pem", 0o664),
        ("identity/key.pem", 0o640), ("identity/order.key", 0o666), ("identity/ca-0002", 0o722),
        ("identity/ca-0002/issuing.key", 0o604), ("admin.token", 0o666), ("admin.token", 0o644), ("hub.db", 0o644),
    ])
    func whatOthersCanWriteOrReadIsNamedWithTheCommandThatPutsItRight(name: String, mode: Int) throws {
        try folder { path in
            let place = name == "." ? path : path + "/" + name
            try File.setMode(place, UInt32(mode))
            let problems = try StrictModes.problems(path)
            #expect(problems.map(\.path) == [place], "\(problems)")
            #expect(throws: StrictModes.Refusal.self) {
                try StrictModes.require(path, isForced: false) { Issue.record("said \($0)") }
            }
            var said: [String] = []
            try StrictModes.require(path, isForced: true) { said.append($0) }
            #expect(said.count == 1 && said.allSatisfy { $0.contains(place) && $0.contains("chmod ") })
            // The command that is named does it.
            let command = try #require(problems.first).command
            #expect(try ChildProcess("sh", ["-c", command]).run().isSuccess, "\(command)")
            #expect(try StrictModes.problems(path) == [])
        }
    }

    @Test func anEmptyFolderIsMadePrivateWhenItIsFilled() throws {
        try withFolder { scratch in
            let path = scratch + "/state"
            try Directory.create(path)
            try File.setMode(path, 0o1777)
            #expect(try StrictModes.problems(path) == [])
            _ = try StateFolder.create(path, kind: "spoke", version: 1)
            #expect(try File.status(path)?.mode == 0o700)
            // What somebody else has put there first counts.
            let other = scratch + "/other"
            try Directory.create(other)
            try AtomicFile.write("planted", to: other + "/incomplete")
            try File.setMode(other, 0o1777)
            #expect(try StrictModes.problems(other).map(\.path) == [other])
        }
    }

    @Test func otherModesThatHarmNothingAreAccepted() throws {
        try folder { path in
            for (name, mode) in [(".", 0o755), ("identity", 0o755), ("ca.pem", 0o644), ("hub.json5", 0o644)] {
                try File.setMode(name == "." ? path : path + "/" + name, UInt32(mode))
            }
            // Packages are compared with their hashes.
            try Directory.create(path + "/pool")
            try File.setMode(path + "/pool", 0o777)
            #expect(try StrictModes.problems(path) == [])
        }
    }

    @Test func aFolderAboveThatOthersCanWriteIsNamed() throws {
        try withFolder { scratch in
            let above = scratch + "/a"
            try Directory.create(above + "/b", mode: 0o755)
            try File.setMode(above, 0o777)
            for path in [above + "/b", above + "/b/not-there/yet"] {
                #expect(try StrictModes.problems(path).map(\.path) == [above])
            }
            // A link does not hide where the folder really is.
            try File.swapLink(scratch + "/link", to: above + "/b")
            #expect(try StrictModes.problems(scratch + "/link").map(\.path) == [above])
            // With the sticky bit nobody can replace what belongs to another.
            try File.setMode(above, 0o1777)
            if CurrentProcess.isRoot { #expect(try StrictModes.problems(above + "/b") == []) }
        }
    }

    @Test(.enabled(if: CurrentProcess.isRoot)) func aFolderOfAnotherUserIsRefusedToRoot() throws {
        try folder { path in
            for name in [".", "identity", "identity/key.pem"] {
                let place = name == "." ? path : path + "/" + name
                #expect(try ChildProcess("chown", ["4711", place]).run().isSuccess)
                let problems = try StrictModes.problems(path)
                #expect(problems.map(\.path) == [place])
                #expect(problems.first?.description.contains("belongs to user 4711, not to root") == true)
                #expect(try ChildProcess("chown", ["0", place]).run().isSuccess)
            }
        }
    }
}
