/// How a product numbers its releases, which says which of two versions is the later one.
///
/// Every scheme gives a total order: names that are not versions of the scheme come before all that are, in Debian's
/// order. A catalog that declares no scheme is ordered as Debian orders, as all catalogs were before there were schemes.
package enum VersionScheme: UInt8, NamedCode {
    /// deb-version(7), Debian policy 5.6.12.
    case debian = 1
    /// Semantic Versioning 2.0.0, section 11; a leading `v` is ignored.
    case semver = 2
    /// PEP 440, as PyPI's `packaging` implements it.
    case pep440 = 3
    /// A day, `20261001` or `2026-10-01`, with what may follow it.
    case date = 4

    /// Whether the text is a version of the scheme.
    package func isVersion(_ text: String) -> Bool {
        switch self {
        case .debian: Self.isDebianVersion(text)
        case .semver: SemanticVersion(text) != nil
        case .pep440: PythonVersion(text) != nil
        case .date: DateVersion(text) != nil
        }
    }

    /// What the scheme's versions look like, for errors.
    package var form: String {
        switch self {
        case .debian: "[EPOCH:]UPSTREAM[-REVISION] that begins with a digit, for example 1.0~rc1-1"
        case .semver: "MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD], for example 1.0.0-rc.1"
        case .pep440: "as PEP 440 defines it, for example 1.0rc1"
        case .date: "YYYYMMDD, YYYY-MM-DD or YYYY.M.D with what follows it, for example 20261001.2"
        }
    }

    /// −1, 0 or 1.
    func compare(_ left: Version, _ right: Version) -> Int {
        switch self {
        case .debian: left.compare(right)
        case .semver: Self.order(left, right, SemanticVersion.init) { $0.compare($1) }
        case .pep440: Self.order(left, right, PythonVersion.init) { $0.compare($1) }
        case .date: Self.order(left, right, DateVersion.init) { $0.compare($1) }
        }
    }

    private static func order<Parsed>(
        _ left: Version, _ right: Version, _ parse: (String) -> Parsed?, _ compare: (Parsed, Parsed) -> Int
    ) -> Int {
        switch (parse(left.description), parse(right.description)) {
        case (let left?, let right?): compare(left, right)
        case (nil, _?): -1
        case (_?, nil): 1
        case (nil, nil): left.compare(right)
        }
    }

    /// Debian's `_` is no character of a version; it stands for the colon in a release's name.
    private static func isDebianVersion(_ text: String) -> Bool {
        let written = VersionText.withColon(text)
        guard !written.utf8.contains(0x5F), (try? Version(written)) != nil else { return false }  // the answer is no
        let epoch = written.utf8.contains(0x3A) ? written.utf8.prefix { $0 != 0x3A }.count + 1 : 0
        return written.utf8.dropFirst(epoch).first.map(ASCII.isDigit) ?? false
    }

    // MARK: - Detection

    /// The scheme that names of releases show beyond doubt; nil where they leave it open or disagree.
    ///
    /// Plain numbers leave it open, since every scheme orders them alike. All names must be versions of the scheme.
    package static func detect(_ names: some Collection<String>) -> VersionScheme? {
        var shown: Set<VersionScheme> = []
        for name in names {
            if let scheme = mark(of: name) { shown.insert(scheme) }
        }
        // PEP 440 reads the pre-releases of semantic versioning too, and orders them alike.
        if shown == [.semver, .pep440] { shown = [.pep440] }
        guard shown.count == 1, let scheme = shown.first else { return nil }
        if names.allSatisfy(scheme.isVersion) { return scheme }
        return scheme == .semver && names.allSatisfy(VersionScheme.pep440.isVersion) ? .pep440 : nil
    }

    /// The scheme of which a single name has something that no other has.
    private static func mark(of name: String) -> VersionScheme? {
        if name.utf8.contains(0x7E) || name.utf8.contains(0x3A) { return .debian }
        // Debian's versions begin with a digit; the others ignore the v.
        if let first = name.utf8.first, first == 0x76 || first == 0x56,
            name.utf8.dropFirst().allSatisfy({ ASCII.isDigit($0) || $0 == 0x2E })
        {
            return SemanticVersion(name) != nil ? .semver : PythonVersion(name) != nil ? .pep440 : nil
        }
        if let version = SemanticVersion(name) {
            guard version.isNamedPrerelease else { return nil }
            // Read by PEP 440 the tenth candidate comes after the ninth, as whoever writes it so means it.
            return version.isNumberedWord && PythonVersion(name) != nil ? .pep440 : .semver
        }
        if let date = DateVersion(name), date.isUndotted { return .date }
        if let version = PythonVersion(name), version.isMarked { return .pep440 }
        return nil
    }

    // MARK: - Lines

    /// The release train that a release belongs to where nobody says another: the name up to its
    /// first dot, without what marks a candidate or a revision, a `v` before its first digit and an
    /// epoch of zero; `main` for a day or a build number, which has no train.
    package static func line(of release: ReleaseName) -> String {
        var bytes = Array(release.text.utf8)
        // The v of `v1.2` is no part of the version.
        if let first = bytes.first, first == 0x76 || first == 0x56, bytes.dropFirst().first.map(ASCII.isDigit) == true {
            bytes.removeFirst()
        }
        if DateVersion(String(decoding: bytes, as: UTF8.self))?.isUndotted == true { return "main" }
        let core = bytes.prefix { $0 != 0x2E && $0 != 0x2D && $0 != 0x2B && $0 != 0x7E }
        if core.count >= 6, core.allSatisfy(ASCII.isDigit), !bytes.contains(0x2E) { return "main" }
        var rest = core
        var line: [UInt8] = []
        let epoch = rest.prefix(while: ASCII.isDigit)
        if !epoch.isEmpty, rest.dropFirst(epoch.count).first == 0x5F,
            rest.dropFirst(epoch.count + 1).first.map(ASCII.isDigit) == true
        {
            if !DigitRun.isZero(epoch) { line += rest.prefix(epoch.count + 1) }
            rest = rest.dropFirst(epoch.count + 1)
        }
        let digits = rest.prefix(while: ASCII.isDigit)
        line += digits.isEmpty ? rest : digits
        return String(decoding: line, as: UTF8.self)
    }
}

/// Texts of versions as people write them, and as release names carry them.
///
/// A release's name has neither the colon of Debian's epochs nor the exclamation mark of PEP 440's:
/// `1:2.0` and `1!2.0` are the release `1_2.0`, which no version of the two schemes could be
/// without its epoch. An epoch of zero is none: `0:1.1` is the release `1.1`.
package enum VersionText {
    /// The release that a version names.
    package static func release(_ text: String) throws(ModelError) -> ReleaseName {
        guard let epoch = epoch(text, [0x3A, 0x21]) else { return try ReleaseName(text) }
        if epoch.number.utf8.allSatisfy({ $0 == 0x30 }) { return try ReleaseName(epoch.rest) }
        return try ReleaseName(epoch.number + "_" + epoch.rest)
    }

    /// With a colon behind the epoch, as a `Version` has it.
    package static func withColon(_ text: String) -> String {
        guard let epoch = epoch(text, [0x21, 0x5F]) else { return text }
        return epoch.number + ":" + epoch.rest
    }

    private static func epoch(_ text: String, _ signs: Set<UInt8>) -> (number: String, rest: String)? {
        let number = text.utf8.prefix(11).prefix(while: ASCII.isDigit)
        let rest = text.utf8.dropFirst(number.count)
        guard (1...10).contains(number.count), let sign = rest.first, signs.contains(sign),
            let next = rest.dropFirst().first, ASCII.isDigit(next)
        else { return nil }
        return (String(Substring(number)), String(Substring(rest.dropFirst())))
    }
}
