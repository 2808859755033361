/// Writes and reads times as HTTP does: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameters:
    ///   - seconds: since 1970, taken into the years 1970 to 9999.
    package static func text(secondsSince1970 seconds: Int64) -> String {
        let seconds = min(max(0, seconds), 253_402_300_799)
        let day = seconds / 86400
        let second = seconds % 86400
        // Days to civil date: eras of 400 years that begin in March, so that a leap day comes last.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(days[Int(day % 7)]), \(padded(dayOfMonth)) \(months[Int(month - 1)]) \(year) "
            + "\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60)) GMT"
    }

    /// Reads that form, and no older one; nil for anything else. The day of the week is not compared.
    package static func seconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 29, text.hasSuffix(" GMT"),
            let month = months.firstIndex(of: String(decoding: bytes[8..<11], as: UTF8.self)),
            let day = HTTPSyntax.decimal(bytes[5..<7]), let year = HTTPSyntax.decimal(bytes[12..<16]),
            let hour = HTTPSyntax.decimal(bytes[17..<19]), let minute = HTTPSyntax.decimal(bytes[20..<22]),
            let second = HTTPSyntax.decimal(bytes[23..<25]), (1...31).contains(day), (1970...9999).contains(year),
            hour < 24, minute < 60, second < 61
        else { return nil }
        // Civil date to days: the inverse of `text`, years beginning in March.
        let shifted = month < 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted % 400
        let marchMonth = Int64((month + 10) % 12)
        let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86400 + hour * 3600 + minute * 60 + second
    }

    private static func padded(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}

extension HTTPHeaders {
    /// `Retry-After` (RFC 9110 §10.2.3) in seconds from now, at most a day; as seconds or as a date, which is compared with the
    /// server's own `Date` where it sends one.
    ///
    /// - Parameter now: seconds since 1970.
    package func retryAfterSeconds(now: Int64) -> Int64? {
        guard let text = self["Retry-After"] else { return nil }
        let wait: Int64
        if let seconds = HTTPSyntax.decimal(text.utf8) {
            wait = seconds
        } else if let date = HTTPDate.seconds(text) {
            wait = date - (self["Date"].flatMap(HTTPDate.seconds) ?? now)
        } else {
            return nil
        }
        return min(max(0, wait), 86400)
    }
}
