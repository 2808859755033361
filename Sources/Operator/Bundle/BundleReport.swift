import Model
import System

/// What came of a bundle, for `--json` and for people.
struct BundleReport: Codable {
    var packages = 0
    var bytes: UInt64 = 0
    var timestampVersion: UInt64?
    var expires: UnixTime?
    /// Paths of the packages that were copied or brought now.
    var copied: [String] = []
    /// How many were there before.
    var alreadyThere = 0
    /// Paths that the bundle was to have and has not.
    var missing: [String] = []
    var problems: [String] = []

    /// Prints it; the exit status: 0 when all that was meant is there.
    func tell(_ invocation: CommandInvocation, _ context: OperatorContext, verb: String) throws -> Int32 {
        let status: Int32 = missing.isEmpty && problems.isEmpty ? 0 : 1
        guard !invocation.isSet("json") else {
            try Printer(context, invocation).json(self)
            return status
        }
        for path in copied { context.streams.line(TextTable.printable(path)) }
        for path in missing { context.streams.message("axle: missing: \(TextTable.printable(path))") }
        for problem in problems { context.streams.message("axle: \(TextTable.printable(problem))") }
        let fresh = expires.map { ", good until \($0)" } ?? ""
        context.streams.message(
            "\(copied.count) packages \(verb), \(alreadyThere) were there already, \(missing.count + problems.count) are not"
                + fresh)
        if status != 0 {
            context.streams.message("What is whole was taken. Repeat the command when the rest is there.")
        }
        return status
    }
}
