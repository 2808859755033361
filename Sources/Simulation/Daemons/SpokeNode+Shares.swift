internal import Content
internal import Model
internal import Protocol
internal import Spoke
internal import Storage
internal import TLS

/// The site's share: a folder that shows the newest release, or the newest that a rollout
/// completed, switched whole.
extension SpokeNode {
    var share: Share {
        Share(name: poolName, product: fleet.vendor.product, folder: "/srv/share", shows: shareRule)
    }

    /// What the hub has said of rollouts that completed, as the spoke keeps it.
    var completed: CompletedKnowledge {
        let bytes = store.setting(.completedReleases)
        return CompletedKnowledge(
            // The spoke keeps what it wrote.
            told: bytes.flatMap { try? CompletedReleases(MessageFields(frame: $0.span, of: CompletedReleases.name)) })
    }

    /// Makes the hub say that a rollout completed the newest release that the vendor has signed.
    func withEveryReleaseCompleted(_ message: Message) -> Message {
        guard fleet.has(.shareIgnoresRollouts), case .completedReleases = message,
            let newest = fleet.vendor.packages.values.filter(fleet.vendor.hasSigned)
                .max(by: { $0.metadata.counter < $1.metadata.counter })
        else { return message }
        return .completedReleases(
            CompletedReleases([newest.path.product: [newest.metadata.line: newest.path.release]]))
    }

    /// What the catalog says to the share's core.
    var surveyed: [Package]? {
        guard fleet.has(.shareGoesBack), let shown else { return named }
        return named?.filter { $0.metadata.counter < shown.metadata.counter }
    }

    /// What the share is to show, of what is here; what it shows already where that is not known.
    var wantedShown: Package? {
        guard let named else { return shown }
        let verified = Set(store.replicas().filter { $0.state == .verified }.map(\.sha256))
        let choice = ShareChoice(
            share, in: named, shown: shown.map { ShareView.name(of: $0) }, shownBy: shareRule, completed: completed,
            isHere: { verified.contains($0.sha256) })
        guard let package = choice.package, package == shown || canUnpack(package) else { return shown }
        return package
    }

    private func canUnpack(_ package: Package) -> Bool {
        hasLibrary || package.content.coding != .zstd || pool.length(of: package.content.sha256) != nil
    }

    /// Makes the folder of a release, as the limited child does, beside what is shown, and switches to it when it is what was signed.
    func tend(_ share: Share, _ package: Package?) {
        func end(_ outcome: ShareOutcome) { tell(.shareTended(share, outcome)) }
        guard let package, package != shown else {
            return end(.done(ShareView(shown: shown.map { ShareView.name(of: $0) }, shownBy: shareRule)))
        }
        guard canUnpack(package) else { return end(.failed("libzstd is not here")) }
        let forms = [package.content.sha256, package.sha256]
        guard let form = forms.first(where: { pool.length(of: $0) != nil }) else {
            return end(.failed("the package has left the pool"))
        }
        let bytes: [UInt8]
        let open: Int
        do throws(StorageError) {
            let reader = try pool.open(form)
            bytes = try reader.read(at: .zero, count: Int(clamping: reader.length.bytes))
            open = keepOpen([reader])
        } catch {
            return end(.failed(error.description))
        }
        let fault = fleet.faults.work(random: &random)
        later(random.milliseconds(20...2_500)) { [self] in
            if fault == .isKilled { return crash("while it fills a share", restartAfter: fleet.faults.pause()) }
            close(readers: open)
            if fault == .refuses || fault == .dies || fault == .fillsDisk { return end(.failed("the child ended")) }
            let isPacked = form == package.sha256 && package.content.coding != .none
            guard var made = isPacked ? SimulatedCoding.unpacked(bytes) : bytes else {
                return end(.failed("the child can make nothing of it"))
            }
            if fault == .lies || fleet.has(.shareBelievesChild), let last = made.popLast() { made.append(~last) }
            guard SHA256.hash(made) == package.content.sha256.bytes || fleet.has(.shareBelievesChild) else {
                return end(.failed("it is not what was signed"))
            }
            fleet.checks.shows(self, package, made, before: shown, named: named ?? [])
            shown = package
            if shareRule == .completed { fleet.tally.shownCompleted += 1 } else { fleet.tally.shown += 1 }
            end(.done(ShareView(shown: ShareView.name(of: package), shownBy: shareRule, isNew: true)))
        }
    }
}
