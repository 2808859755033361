internal import Codec
internal import System

/// A file of settings that a machine's owner writes: one object in JSON5, all of it optional. Hub and agent read theirs here.
///
/// The first thing that is wrong is a `SettingsError`: `FILE: line 3, column 15: …` where the text cannot be read (a name that stands twice
/// in an object too), `FILE: scheduler.unit: …` where a setting cannot be used. `SettingsObject` reads the settings of an object.
package enum SettingsFile {
    /// The largest file, in bytes.
    package static let sizeLimit = 65_536

    /// The settings in a file; nil where there is none. Blocks; any thread.
    package static func read<Value: Decodable>(_ type: Value.Type, _ path: String) throws(SettingsError) -> Value? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: sizeLimit)
        } catch {
            if error.errno == .notFound { return nil }
            throw SettingsError("\(path) cannot be read: \(error)")
        }
        return try parse(type, bytes, name: path)
    }

    /// The settings in a text; `name` is what messages call it.
    package static func parse<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8], name: String
    ) throws(SettingsError) -> Value {
        do {
            return try JSONCoder.decode(type, from: bytes, limits: JSONLimits(bytes: sizeLimit), syntax: .json5)
        } catch let error as DecodingError {
            throw SettingsError("\(name): \(error.sentence)")
        } catch {
            throw SettingsError("\(name): \(error)")
        }
    }
}
