/// Single values that the hub keeps.
package enum SettingKey: String, CaseIterable, Sendable {
    /// The fleet's name.
    case fleet
    /// The hub's own node id, 32 hexadecimal digits.
    case hubID
    /// The name that people see for the hub.
    case hubName
    /// The number of the last signed revocation list.
    case revocationNumber
    /// The last signed revocation list, hexadecimal.
    case revocationList
    /// The signed anchor set of now, hexadecimal.
    case anchorSet
    /// SHA-256 of the administrator's token, hexadecimal.
    case adminToken
    /// Seconds since 1970: the last time at which a member's clock and the hub's agreed; the hub's never counts as
    /// earlier. `axle-hub clock reset` empties it.
    case clockFloor
    /// How many releases of each line of a product pools keep, decimal; 4 without.
    case retention
}

/// Settings.
package protocol SettingStore: AnyObject {
    func setting(_ key: SettingKey) throws -> String?
    func setSetting(_ key: SettingKey, _ value: String) throws
}
