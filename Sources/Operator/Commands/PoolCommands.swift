import API
import HTTP
import Model
import System

/// `axle pool …`.
enum PoolCommands {
    static let header = ["POOL", "OWNER", "QUOTA", "USED", "RESERVED", "FREE-ON-DISK"]

    static func row(_ pool: PoolResource) -> [String?] {
        [
            pool.name, pool.owner.name.text, Wording.size(pool.quota), Wording.size(pool.used),
            Wording.size(pool.reserved), Wording.size(pool.freeOnDisk),
        ]
    }

    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        let pools: [PoolResource] = try hub.list(["pools"])
        guard invocation.path.last == "set" else {
            return try printer.list(pools, header, none: "There are no pools.", row: row)
        }
        let name = try invocation.requiredOperand(0)
        let quota: ByteCount
        do {
            quota = try ByteCount(try invocation.required("quota"))
        } catch let error as ModelError {
            throw UsageError("--quota: \(error)")
        }
        let spoke = invocation.value("spoke")
        let found = pools.filter { pool in
            guard pool.id != name else { return true }
            return pool.name == name && (spoke.map { $0 == pool.owner.name.text } ?? (pool.role == .hub))
        }
        guard found.count == 1, let pool = found.first else {
            throw OperatorError(
                "there is no pool \(name)\(spoke.map { " at spoke \($0)" } ?? " at the hub")",
                next: "'axle pool list' shows all of them; name a spoke's with --spoke.")
        }
        let changed: PoolResource = try hub.send(.patch, ["pools", pool.id], PoolChange(quota: quota))
        try printer.list([changed], header, none: "", row: row)
    }
}
