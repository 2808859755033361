import Hub
import Model
import Protocol
import Testing

@Suite struct HubShareTests {
    @Test func whatASpokeSaysOfItsSharesIsShownAndNothingOfThemIsKnownToBeAnothers() throws {
        let world = try HubWorld()
        let (one, two) = (try world.addSpoke("one"), try world.addSpoke("two"))
        let link = try world.connect(one)
        let item = Shares.Item(
            name: try NodeName("apps"), product: try ProductName("ruff"), platform: nil, folder: "/srv/ruff",
            state: .published, release: "1.0", text: "")
        #expect(try world.ask(link, .shares(Shares([item]))) == .ok(OK()))
        #expect(world.core.shares[one]?.items == [item])
        #expect(world.core.shares[two] == nil)
        // It says all of them each time.
        #expect(try world.ask(link, .shares(Shares([]))) == .ok(OK()))
        #expect(world.core.shares[one] == nil)
    }
}
