package import Codec
package import Model

/// Message 48, `shares`. From spoke to hub: the folders of its machine that show a product's
/// release, all of them, after connect and at changes.
///
/// They are set at the machine alone; the hub shows them and can change nothing about them. Fields
/// are lists side by side, an entry for each share. A hub answers `completedReleases` where a share
/// follows rollouts, else `ok`; a hub of an earlier release always answers `ok`. Without rules,
/// which earlier releases do not say, all are `newest`.
package struct Shares: MessageBody {
    package static let number: UInt64 = 48
    package static let name = "shares"
    /// Shares of a spoke at the most.
    package static let most = 32
    /// Bytes of a sentence, so that all fit.
    fileprivate static let textLimit = 300

    package struct Item: Hashable, Sendable {
        package var name: NodeName
        package var product: ProductName
        /// Nil: whichever the product has.
        package var platform: PlatformName?
        package let folder: String
        package var state: ShareState
        /// The release that it shows; nil when there is none.
        package let release: String?
        /// What is wrong, or why it waits; empty when there is nothing to say.
        package let text: String
        /// Which release it shows.
        package var rule: ShareRule

        package init(
            name: NodeName, product: ProductName, platform: PlatformName?, folder: String, state: ShareState,
            release: String?, text: String, rule: ShareRule = .newest
        ) {
            self.name = name
            self.product = product
            self.platform = platform
            // Shown to operators, whoever sent it.
            self.folder = Event.singleLine(folder, limit: ProtocolLimits.textLength)
            self.state = state
            self.release = release.map { Event.singleLine($0, limit: ProtocolLimits.nameLength) }
            self.text = Event.singleLine(text, limit: Shares.textLimit)
            self.rule = rule
        }
    }

    package var items: [Item]

    /// The products of the shares that follow rollouts.
    package var followed: Set<ProductName> { Set(items.filter { $0.rule == .completed }.map(\.product)) }

    package init(_ items: [Item]) {
        self.items = Array(items.prefix(Self.most))
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        let names = try fields.texts(1, count: Self.most, limit: ProtocolLimits.nameLength)
        let products = try fields.texts(2, count: Self.most, limit: ProtocolLimits.nameLength)
        let platforms = try fields.texts(3, count: Self.most, limit: ProtocolLimits.nameLength)
        let folders = try fields.texts(4, count: Self.most, limit: ProtocolLimits.textLength)
        let states = try fields.unsigneds(5, count: Self.most)
        let releases = try fields.texts(6, count: Self.most, limit: ProtocolLimits.nameLength)
        let texts = try fields.texts(7, count: Self.most, limit: ProtocolLimits.textLength)
        let rules = try fields.textsIfAny(8, count: Self.most, limit: ProtocolLimits.nameLength)
        guard [products, platforms, folders, releases, texts].allSatisfy({ $0.count == names.count }),
            states.count == names.count, rules.map({ $0.count == names.count }) ?? true
        else { throw .malformed("shares: lists of different lengths") }
        var items: [Item] = []
        for index in names.indices {
            guard let raw = UInt8(exactly: states[index]), let state = ShareState(rawValue: raw) else {
                throw .unsupported("shares: the unknown state \(states[index])")
            }
            do {
                items.append(
                    Item(
                        name: try NodeName(names[index]), product: try ProductName(products[index]),
                        platform: platforms[index].isEmpty ? nil : try PlatformName(platforms[index]),
                        folder: folders[index], state: state,
                        release: releases[index].isEmpty ? nil : releases[index], text: texts[index],
                        rule: try rules.map { try ShareRule($0[index]) } ?? .newest))
            } catch {
                throw .malformed("shares: \(error)")
            }
        }
        self.items = items
    }

    package var cbor: [CBORPair] {
        CBOR.fields([
            1: .array(items.map { .text($0.name.text) }),
            2: .array(items.map { .text($0.product.text) }),
            3: .array(items.map { .text($0.platform?.text ?? "") }),
            4: .array(items.map { .text($0.folder) }),
            5: .array(items.map { .unsigned(UInt64($0.state.rawValue)) }),
            6: .array(items.map { .text($0.release ?? "") }),
            7: .array(items.map { .text($0.text) }),
            8: items.allSatisfy { $0.rule == .newest } ? nil : .array(items.map { .text($0.rule.description) }),
        ])
    }
}
