/// A change to the disk that a file pool is about to make; crash tests cut before each one.
package enum PoolStep: Hashable, Sendable {
    case writeFormat
    case createFolder(String)
    case createPartial(String)
    case writePartial(String)
    case synchronizePartial(String)
    case synchronizeFolder(String)
    case publish(from: String, to: String)
    case removePartial(String)
    case removePackage(String)
}
