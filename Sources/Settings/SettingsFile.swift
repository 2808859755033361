internal import Codec
internal import System

/// The options of a program, as its file of settings declares them.
package protocol SettingsOptions: Sendable {
    /// All at their defaults.
    init()
    /// Every setting of the file.
    static var settings: SettingsGroup<Self> { get }
    /// The program that reads it: `axle-hub`.
    static var program: String { get }
    /// The file's name in the state folder.
    static var fileName: String { get }
}

extension SettingsOptions {
    /// What is said of every setting, with the defaults as values.
    package static var described: SettingsDescription { settings.describe(Self()) }
}

/// A file of settings that a machine's owner writes: one object in JSON5, all of it optional.
///
/// Every problem of the file is found, with its place: `FILE: line 3, column 15: scheduler.unit:
/// …`. A text that is no JSON5 has one, where reading ended.
package enum SettingsFile {
    /// The largest file, in bytes.
    package static let sizeLimit = 65_536

    /// What a file came to: options that can be used where there are no problems.
    package struct Content<Options: SettingsOptions>: Sendable {
        package fileprivate(set) var options = Options()
        package fileprivate(set) var isThere = true
        fileprivate var reading: SettingsReading
        package var problems: [SettingsProblem] { reading.problems }

        /// Adds that what a setting names on the machine cannot be used.
        package mutating func refuse(_ error: SettingsError) { reading.refuse(error) }
    }

    /// The settings in a file; nil where there is none. Blocks; any thread. Throws the first
    /// problem.
    package static func read<Options: SettingsOptions>(
        _ type: Options.Type, _ path: String
    ) throws(SettingsError) -> Options? {
        let content = content(type, path)
        guard content.problems.isEmpty else { throw SettingsError(file: path, content.problems) }
        return content.isThere ? content.options : nil
    }

    /// The settings in a text; `name` is what messages call it. Throws the first problem.
    package static func parse<Options: SettingsOptions>(
        _ type: Options.Type, _ bytes: [UInt8], name: String
    ) throws(SettingsError) -> Options {
        let content = content(type, of: bytes)
        guard content.problems.isEmpty else { throw SettingsError(file: name, content.problems) }
        return content.options
    }

    /// All that can be said of a file. Blocks; any thread.
    package static func content<Options: SettingsOptions>(_ type: Options.Type, _ path: String) -> Content<Options> {
        do throws(SystemError) {
            return content(type, of: try File.read(path, limit: sizeLimit))
        } catch {
            var content = Content<Options>(reading: SettingsReading([]))
            if error.errno == .notFound {
                content.isThere = false
            } else {
                content.reading.refuse(.unreadable, "the file cannot be read: \(error)")
            }
            return content
        }
    }

    /// All that can be said of a text.
    package static func content<Options: SettingsOptions>(
        _ type: Options.Type, of bytes: [UInt8]
    ) -> Content<Options> {
        var content = Content<Options>(reading: SettingsReading(bytes))
        do throws(JSONError) {
            let node = try JSON5Parser.document(bytes, limits: JSONLimits(bytes: sizeLimit))
            _ = Options.settings.read(node, "", &content.options, &content.reading)
        } catch {
            content.reading.refuse(at: error.offset, "", .syntax, error.code.sentence)
        }
        return content
    }
}
