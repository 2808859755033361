/// One step of an install, in the order in which they are done. Each may be repeated after a cut.
package enum InstallStep: UInt8, Codable, Sendable, CaseIterable, Comparable {
    /// The machine's hooks before the install; the only step that may ask to be tried again later.
    case enter = 1
    /// The file is hashed and unpacked beside the releases.
    case stage = 2
    /// The staged tree becomes the folder of its release.
    case place = 3
    /// Services are stopped.
    case stop = 4
    /// `current` is switched: from here on the way back is a rollback.
    case activate = 5
    /// Services, the machine or the agent itself are started again.
    case restart = 6
    /// The health command says that the release works.
    case verify = 7
    /// Older releases and the downloaded file go.
    case commit = 8
    /// Services are stopped and `current` is put back.
    case deactivate = 20
    /// Services are started again, and the old release's health command says that it works.
    case recover = 21
    /// What was staged or placed goes.
    case discard = 22

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
