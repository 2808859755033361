/// How a folder stands that shows a product's newest release.
package enum ShareState: UInt8, NamedCode {
    /// There is nothing yet that it could show.
    case waiting = 1
    /// A release is being put there.
    case publishing = 2
    /// It shows the newest release that is here.
    case published = 3
    /// It is not as it should be; it is tried again by itself.
    case failed = 4
}
