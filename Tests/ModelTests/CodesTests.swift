import Foundation
import Model
import Testing

/// Numbers and names that are on disk and on the wire; none of them may ever change.
struct CodesTests {
    @Test func numbersAndNamesAreStable() {
        func list<T: NamedCode>(_ type: T.Type) -> String {
            T.allCases.map { "\($0.rawValue) \($0.name)" }.joined(separator: ", ")
        }
        #expect(list(Role.self) == "1 hub, 2 spoke, 3 agent")
        #expect(list(PackageState.self) == "1 announced, 2 downloading, 3 imported, 4 failed, 5 retired")
        #expect(list(ReplicaState.self) == "1 pending, 2 transferring, 3 verified, 4 corrupt, 5 evicted")
        #expect(
            list(RolloutState.self)
                == "1 draft, 2 preparing, 3 ready, 4 running, 5 paused, 6 stopping, 7 stopped, 8 completed, 9 failed, 10 rollingBack, 11 rolledBack"
        )
        #expect(list(WaveState.self) == "1 scheduled, 2 running, 3 soaking, 4 succeeded, 5 failed, 6 skipped")
        #expect(
            list(ActionState.self)
                == "1 pending, 2 offered, 3 refused, 4 downloading, 5 downloaded, 6 waitingForWindow, 7 waitingForSlot, 8 draining, 9 installing, 10 restarting, 11 verifying, 12 succeeded, 13 failed, 14 cancelling, 15 cancelled, 16 rollingBack, 17 rolledBack, 18 rollbackFailed, 19 missed, 20 uncertain"
        )
        #expect(list(PackageKind.self) == "1 tree, 2 deb, 3 script")
        #expect(list(Severity.self) == "1 normal, 2 critical, 3 hotfix")
        #expect(list(ContentCoding.self) == "1 none, 2 gzip, 3 zstd, 4 xz, 5 deb")
        #expect(list(RestartNeed.self) == "1 none, 2 service, 3 machine")
        #expect(list(Autodeploy.self) == "1 yes, 2 no, 3 noreboot")
        #expect(list(SchedulerState.self) == "1 service, 2 process, 3 stopped, 4 absent")
        #expect(list(PasswordAccess.self) == "1 generate, 2 prompt, 3 notApplicable")
        #expect(list(InstallSource.self) == "1 axle, 2 dpkg, 3 rpm, 4 detected")
        #expect(list(EventSeverity.self) == "1 info, 2 notice, 3 warning, 4 error")
    }

    @Test func namesAreReadBackAndOthersRefused() throws {
        #expect(ActionState(name: "waitingForWindow") == .waitingForWindow)
        #expect(ActionState(name: "Waiting") == nil)
        #expect(ActionState(rawValue: 0) == nil)
        #expect(String(decoding: try JSONEncoder().encode([ActionState.missed]), as: UTF8.self) == #"["missed"]"#)
        #expect(try JSONDecoder().decode([ActionState].self, from: Data(#"["missed"]"#.utf8)) == [.missed])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ActionState].self, from: Data("[1]".utf8)) }
    }

    @Test func everyReasonOfTheDesignSaysWhatItMeansAndWhatToDo() {
        let design =
            "neverConnected os32Bit schedulerNotRunning autodeployNo restartNeeded passwordAccessNotGenerate platformMismatch versionNotInRange floorMissing dependencyMissing otherProductInstalled alreadyInstalled rejectedRelease pinned locked diskSpace notRoot identityChanged trustFailed orderExpired kindUnsupported clientRevoked spokeRevoked spokeFull"
        #expect(ReasonCode.all.map(\.rawValue).joined(separator: " ") == design)
        for code in ReasonCode.all {
            #expect(!code.meaning.contains("does not know"))
            #expect(code.next.hasSuffix("."))
        }
        #expect(
            NoteCode.all.map(\.rawValue).joined(separator: " ")
                == "client32BitOn64BitOS schedulerNotService storeNewer confinementMissing rolloutWaits rolloutPaused waveWaits importPending importFailed replicaPending replicaDamaged spokeNotConnected notConnected clockWrong factsOld machineCloned windowClosed slotTaken"
        )
        for code in NoteCode.all { #expect(!code.meaning.contains("does not know")) }
        for code in NoteCode.waits { #expect(code.next.hasSuffix(".")) }
        for code in WarningCode.allCases { #expect(!code.meaning.hasSuffix(".") && code.next.hasSuffix(".")) }
    }

    @Test func codesOfNewerPeersAreKeptAndMalformedOnesRefused() throws {
        let reasons = try JSONDecoder().decode([Reason].self, from: Data(#"[{"code":"newCode7","text":"x"}]"#.utf8))
        #expect(reasons[0].code.rawValue == "newCode7")
        #expect(reasons[0].code.meaning.contains("newCode7"))
        for text in ["", "1a", "a b", "a-b", "ä", String(repeating: "a", count: 65)] {
            #expect(throws: ModelError.self) { try ReasonCode(text) }
            #expect(EventCode(rawValue: text) == nil)
        }
    }

    @Test func eventsCannotForgeLines() {
        let event = Event(
            time: .zero, severity: .info, code: .hubStarted, subject: "a\nb", text: "x\u{1B}[31m\r\n\u{202E}y\u{2028}")
        #expect(event.subject == "a b")
        #expect(event.text == "x [31m   y ")
        #expect(Event.singleLine(String(repeating: "ä", count: 10), limit: 5) == "ää")
    }
}
