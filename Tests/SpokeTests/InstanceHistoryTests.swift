import Model
import Spoke
import Testing

@Suite struct InstanceHistoryTests {
    private let now = UnixTime(seconds: 1_800_000_000)

    @Test func aProcessThatComesBackAfterAnotherLivesBesideIt() throws {
        var history = InstanceHistory()
        let first = history.takes([1], from: "10.0.0.5:1", at: now)
        let second = history.takes([2], from: "10.0.0.6:1", at: now)
        #expect(first == nil && second == nil)
        let third = history.takes([1], from: "10.0.0.5:2", at: now)
        #expect(third?.one.address == "10.0.0.6:1" && third?.other.address == "10.0.0.5:2")
        // Said once an hour while it goes on.
        let soon = history.takes([2], from: "10.0.0.6:3", at: now + .seconds(1))
        let later = history.takes([1], from: "10.0.0.5:4", at: now + .seconds(3600))
        #expect(soon == nil && later != nil)
    }

    @Test func restartsAndNewLinksAreNoCopies() {
        var history = InstanceHistory()
        for number in UInt8(0)..<200 {
            for _ in 0..<3 {
                let found = history.takes([number], from: "a:1", at: now)
                #expect(found == nil)
            }
        }
    }
}
