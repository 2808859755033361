internal import Foundation
internal import Model
internal import System

/// What the hub's owner says in `hub.json5` of the state folder; all of it is optional, and read at start.
///
/// Unknown keys and values are refused, so that a mistyped restriction is not silently none. `docs/downloads.md` explains each.
/// ```
/// {
///   downloads: {
///     allow: ["10.20.0.0/16"],                     // not public, and still to be connected to
///     authorities: "/etc/axle/mirror-ca.pem",      // absent: those of the system
///     proxy: "http://proxy.example.com:3128",      // "none"; absent: http_proxy, https_proxy, no_proxy
///     noProxy: ["mirror.example.com"],
///     proxyCredentialsFile: "/etc/axle/proxy",     // one line, USER:PASSWORD
///     minimumRate: 1024,                           // bytes a second, over a minute; 0: none
///     deadlineHours: 24,                           // for one attempt at a package
///   },
/// }
/// ```
package struct HubOptions: Sendable {
    package var downloads = DownloadOptions()

    /// The file's name in the state folder.
    package static let fileName = "hub.json5"
    private static let sizeLimit = 65_536

    package init() {}

    /// Why the file cannot be used; the text names the place.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// Reads the file; without one all is at its default.
    package static func read(_ path: String) throws -> HubOptions {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try File.read(path, limit: sizeLimit)
        } catch {
            if error.errno == .notFound { return HubOptions() }
            throw Failure(description: "\(path) cannot be read: \(error)")
        }
        return try parse(bytes, name: path)
    }

    /// Understands JSON5 text; `name` is what messages call it.
    package static func parse(_ bytes: [UInt8], name: String = fileName) throws -> HubOptions {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        do {
            return try decoder.decode(HubOptions.self, from: Data(bytes))
        } catch let error as Failure {
            throw Failure(description: "\(name): \(error)")
        } catch let DecodingError.typeMismatch(_, context) {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw Failure(description: "\(name): \(place) has a value of the wrong kind")
        } catch let DecodingError.dataCorrupted(context) where !context.codingPath.isEmpty {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw Failure(description: "\(name): \(place) \(context.debugDescription)")
        } catch {
            throw Failure(description: "\(name) is not JSON5")
        }
    }
}

extension HubOptions: Decodable {
    package init(from decoder: any Decoder) throws {
        let values = try OptionValues(decoder, known: ["downloads"])
        self.init()
        downloads = try values.value("downloads", DownloadOptions.self) ?? downloads
    }
}

/// The values of one object of the file, by their names.
struct OptionValues {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    private let values: KeyedDecodingContainer<Key>

    /// Refuses every key that is not known.
    init(_ decoder: any Decoder, known: [String]) throws {
        values = try decoder.container(keyedBy: Key.self)
        for key in values.allKeys.map(\.stringValue).sorted() where !known.contains(key) {
            let shown = Event.singleLine(key, limit: 64)
            let near = Suggestion.nearest(to: key, among: known).map { "; did you mean \($0)?" } ?? ""
            throw HubOptions.Failure(description: "\(shown) is not a setting\(near)")
        }
    }

    func value<Value: Decodable>(_ key: String, _ type: Value.Type) throws -> Value? {
        try values.decodeIfPresent(type, forKey: Key(key))
    }

    /// An absolute path.
    func path(_ key: String) throws -> String? {
        guard let path = try value(key, String.self) else { return nil }
        guard path.hasPrefix("/"), path.utf8.count <= 1024, !path.utf8.contains(0) else {
            throw HubOptions.Failure(description: "\(key) must be an absolute path")
        }
        return path
    }

    /// A whole number within limits.
    func number(_ key: String, _ limits: ClosedRange<Int64>) throws -> Int64? {
        guard let number = try value(key, Int64.self) else { return nil }
        guard limits.contains(number) else {
            throw HubOptions.Failure(
                description: "\(key) must be \(limits.lowerBound) to \(limits.upperBound)")
        }
        return number
    }
}
