/// The record, in the state folder's file `trial.json`, that a release of the agent itself has been switched to and is not confirmed.
///
/// Written and made durable before the switch; removed by the agent once its first report under that release was acknowledged. A supervisor
/// that puts the release before back sets `failure` and leaves the file for the agent, which reports it and removes it.
package struct Trial: Codable, Equatable, Sendable {
    /// The release on trial.
    package var release: String
    /// The release to put back; nil when there was none, so that the supervisor's own program takes over.
    package var previous: String?
    /// How many times the supervisor has started it.
    package var starts: Int
    /// Why it was put back; nil while it is on trial.
    package var failure: String?

    package init(release: String, previous: String?, starts: Int = 0, failure: String? = nil) {
        self.release = release
        self.previous = previous
        self.starts = starts
        self.failure = failure
    }
}
