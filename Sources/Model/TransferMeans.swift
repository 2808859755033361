/// The ways in which a package's bytes can come from a hub to a spoke or from a spoke to an agent.
package enum TransferMeans: UInt8, NamedCode {
    /// The package's file as it was published.
    case published = 1
    /// What is inside the published file (`PackageMetadata.content`), as it is.
    case content = 2
    /// A patch that turns the content of another release, which the receiver holds verified, into this one's.
    case patch = 3
    /// The chunks of the content that the receiver lacks, as one compressed stream. The number is set aside: nobody offers or accepts them yet.
    case chunks = 4
}
