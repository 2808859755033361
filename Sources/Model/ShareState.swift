/// How a folder stands that shows a product's release.
package enum ShareState: UInt8, NamedCode {
    /// There is nothing yet that it may show.
    case waiting = 1
    /// A release is being put there.
    case publishing = 2
    /// It shows a release.
    case published = 3
    /// It is not as it should be; it is tried again by itself.
    case failed = 4
}
