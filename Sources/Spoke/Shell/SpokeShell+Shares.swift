internal import Identity
internal import Model
internal import Storage
internal import System

/// Shares: what is set at this machine, and the work in their folders.
extension SpokeShell {
    /// Reads what is set; a file that cannot be read changes nothing and is said.
    func takeShares() {
        do {
            tell(.sharesSet(try shareSettings.read()))
        } catch {
            messages("\(error)")
        }
    }

    /// Looks once a second whether the shares were changed.
    nonisolated func watchShares() -> Task<Void, Never> {
        Task { [shareSettings, sharing, messages] in
            // The start has read it; one that was changed meanwhile is read twice.
            var last: [Int64]?
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                do {
                    let file = try await sharing.run {
                        try File.status(shareSettings.file).map {
                            [Int64(bitPattern: $0.inode), $0.modifiedMilliseconds, $0.size]
                        }
                    }
                    if file != last { await takeShares() }
                    last = file
                } catch {
                    messages("the shares cannot be read: \(error)")
                }
            }
        }
    }

    func survey(_ products: Set<ProductName>) {
        Task { [catalog] in tell(.catalogSurveyed(await catalog.packages(of: products))) }
    }

    func tend(_ share: Share, _ package: Package?) {
        let work = ShareWork(
            pool: pool, worker: worker, scratch: scratch, owner: identity.member.id.description, messages: messages,
            damaged: { self.tell(.pool(.damaged([$0]))) })
        sharing.submit { self.tell(.shareTended(share, work.tend(share, package))) }
    }
}
