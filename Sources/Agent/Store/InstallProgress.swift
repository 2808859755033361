package import Model

/// How far an install is, and what it takes to continue or to go back.
package struct InstallProgress: Equatable, Sendable {
    package var package: Package
    /// The step that was begun last.
    package var step: InstallStep
    /// The release that was current when the install began; nil when there was none.
    package var previous: ReleaseName?
    /// The boot during which a restart of the machine was requested; nil where none was.
    package var bootID: String?

    package init(package: Package, step: InstallStep, previous: ReleaseName?, bootID: String? = nil) {
        self.package = package
        self.step = step
        self.previous = previous
        self.bootID = bootID
    }
}
