package import Model

/// What the hub has set for the pools beside the first one: a setting of the spoke's store.
///
/// One line for each pool, `NAME QUOTA ACCESS`; `-` stands for what was never set.
package struct PoolSettings: Equatable, Sendable {
    package struct Setting: Equatable, Sendable {
        package var quota: ByteCount?
        package var access: PoolAccess?
    }

    package private(set) var settings: [NodeName: Setting] = [:]

    package subscript(name: NodeName) -> Setting {
        get { settings[name] ?? Setting() }
        set { settings[name] = newValue }
    }

    package init() {}

    package init(_ store: any SpokeStore) throws {
        let text = String(decoding: try store.setting(.pools) ?? [], as: UTF8.self)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            // The store keeps what was written; another line is none of ours.
            guard words.count == 3, let name = try? NodeName(String(words[0])) else { continue }
            settings[name] = Setting(
                quota: UInt64(words[1]).map { ByteCount($0) }, access: PoolAccess(name: String(words[2])))
        }
    }

    package func keep(in store: any SpokeStore) throws {
        let lines = settings.sorted { $0.key < $1.key }.map { name, setting in
            "\(name) \(setting.quota.map { String($0.bytes) } ?? "-") \(setting.access?.name ?? "-")"
        }
        try store.set(.pools, to: Array(lines.joined(separator: "\n").utf8))
    }
}
