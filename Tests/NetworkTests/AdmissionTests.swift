import Network
import System
import Testing

@Suite("Admission")
struct AdmissionTests {
    /// A random number under which nobody is dropped by chance, and one under which everybody is.
    private static let lucky = UInt64.max
    private static let unlucky: UInt64 = 0

    /// A door that changes in place, so that its answers can be expected.
    private final class Door {
        private(set) var admission: Admission

        init(_ admission: Admission) { self.admission = admission }

        func enter(_ source: AddressGroup, random: UInt64) -> Admission.Refusal? {
            admission.enter(source, random: random)
        }

        func move(_ source: AddressGroup, from now: Admission.Stage, to next: Admission.Stage) -> Bool {
            admission.move(source, from: now, to: next)
        }

        func leave(_ source: AddressGroup, _ stage: Admission.Stage) { admission.leave(source, stage) }
    }

    private static let rules = AdmissionRules.open(
        peers: 4, handshakes: 100, handshakesPerAddress: 10, visitors: 20, visitorsPerAddress: 3)

    private func source(_ number: Int) throws -> AddressGroup {
        let text = "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)"
        return AddressGroup(try #require(try SocketAddress.resolve(text, port: 1, numericOnly: true).first))
    }

    /// Handshakes of so many addresses.
    private func crowd(_ count: Int) throws -> Door {
        let admission = Door(Admission(Self.rules))
        for number in 0..<count { #expect(admission.enter(try source(number), random: Self.lucky) == nil) }
        return admission
    }

    @Test func oneAddressHasNoMoreThanItsShare() throws {
        let admission = Door(Admission(Self.rules))
        let one = try source(1)
        for _ in 0..<10 { #expect(admission.enter(one, random: Self.lucky) == nil) }
        #expect(admission.enter(one, random: Self.lucky) == .address)
        #expect(admission.enter(try source(2), random: Self.lucky) == nil)
        admission.leave(one, .handshake)
        #expect(admission.enter(one, random: Self.lucky) == nil)
        for _ in 0..<3 { #expect(admission.move(one, from: .handshake, to: .visitor)) }
        #expect(!admission.move(one, from: .handshake, to: .visitor))
    }

    @Test func anIPv6NetworkIsOneAddressAndAMappedIPv4AddressIsItself() throws {
        func group(_ text: String) throws -> AddressGroup {
            AddressGroup(try #require(try SocketAddress.resolve(text, port: 1, numericOnly: true).first))
        }
        #expect(try group("2001:db8:1:2::1") == group("2001:db8:1:2:ffff::9"))
        #expect(try group("2001:db8:1:2::1") != group("2001:db8:1:3::1"))
        #expect(try group("::ffff:10.0.0.1") == group("10.0.0.1"))
        #expect(try group("10.0.0.1") != group("10.0.0.2"))
        #expect(try group("0.0.0.1") != group("::"))
    }

    @Test func newcomersAreDroppedAtRandomBeforeTheEnd() throws {
        // 75 of the 100 places are everybody's; the drops begin at half of them.
        let half = try crowd(37)
        #expect(half.enter(try source(1000), random: Self.unlucky) == nil)
        let more = try crowd(38)
        #expect(more.enter(try source(1000), random: Self.unlucky) == .early)
        #expect(more.enter(try source(1000), random: Self.lucky) == nil)
        let full = try crowd(75)
        #expect(full.enter(try source(1000), random: Self.lucky) == .full)
    }

    @Test func theChanceOfADropRisesToAll() throws {
        var last = 0
        for count in [38, 50, 60, 70, 74] {
            let admission = try crowd(count).admission
            let dropped = try (0..<1000).count { step in
                var copy = admission
                return copy.enter(try source(5000), random: UInt64(step) * (.max / 1000)) != nil
            }
            #expect(dropped >= last && dropped >= 290)
            last = dropped
        }
        #expect(last > 950)
    }

    @Test func anAddressWhereAPeerShowedWhoItIsKeepsAPlace() throws {
        let admission = Door(Admission(Self.rules))
        let member = try source(77)
        #expect(admission.enter(member, random: Self.lucky) == nil)
        #expect(admission.move(member, from: .handshake, to: .peer))
        admission.leave(member, .peer)
        for number in 1000..<1075 { #expect(admission.enter(try source(number), random: Self.lucky) == nil) }
        #expect(admission.enter(try source(2000), random: Self.lucky) == .full)
        #expect(admission.enter(member, random: Self.unlucky) == nil)
        // A visitor, too: five of the twenty places are kept.
        for number in 1000..<1015 { #expect(admission.move(try source(number), from: .handshake, to: .visitor)) }
        #expect(!admission.move(try source(1015), from: .handshake, to: .visitor))
        #expect(admission.move(member, from: .handshake, to: .visitor))
    }

    @Test func whatIsRememberedIsBounded() throws {
        let admission = Door(Admission(AdmissionRules(peers: 1, handshakes: 10, keptPercent: 50)))
        for number in 0...Admission.knownLimit {
            let one = try source(number)
            #expect(admission.enter(one, random: Self.lucky) == nil)
            #expect(admission.move(one, from: .handshake, to: .peer))
            admission.leave(one, .peer)
        }
        for number in 0..<5 { #expect(admission.enter(try source(100_000 + number), random: Self.lucky) == nil) }
        // The first is forgotten, the last is not.
        #expect(admission.enter(try source(0), random: Self.lucky) == .full)
        #expect(admission.enter(try source(Admission.knownLimit), random: Self.lucky) == nil)
    }

    @Test func everyPlaceIsGivenBackOnce() throws {
        let limit = PeerLimit(Self.rules)
        let address = try #require(try SocketAddress.resolve("10.1.1.1", port: 1, numericOnly: true).first)
        for _ in 0..<100 {
            let place = try #require(limit.enter(address))
            #expect(place.admitVisitor() && place.admitVisitor())
            #expect(place.promote())
            place.leave()
            place.leave()
            #expect(!place.promote())
        }
        #expect(limit.current == (0, 0) && limit.visitors == 0)
    }
}
