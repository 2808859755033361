package import System

extension ContentWorker {
    /// A sentence for people where this machine's kernel lacks a part of the confinement of
    /// children; nil where it has all of it. Blocks for some milliseconds.
    package func confinementLack() throws -> String? {
        try confinement().lack.map { Confinement.sentence(lacking: $0) }
    }

    /// What this machine's kernel takes on for limited children, found out by a child that confines
    /// itself and ends. Blocks for some milliseconds.
    package func confinement() throws -> Confinement.Hold {
        var text: [UInt8] = []
        try run(
            child([ContentJob.confinement.rawValue], deadline: .seconds(30)), "the check of confinement", files: [],
            cancellation: nil
        ) { bytes in
            text += bytes.prefix(max(0, 256 - text.count))
        }
        let lines = Set(String(decoding: text, as: UTF8.self).split(separator: "\n"))
        func isHeld(_ name: String) throws(ContentError) -> Bool {
            if lines.contains("\(name) held") { return true }
            guard lines.contains("\(name) missing") else {
                throw ContentError(.failed, "the check of confinement did not say whether \(name) is there")
            }
            return false
        }
        return Confinement.Hold(filtersCalls: try isHeld("seccomp"), confinesFiles: try isHeld("landlock"))
    }
}
