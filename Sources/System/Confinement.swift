internal import CLinux
internal import Glibc

/// What a process takes away from itself before it looks at bytes from outside; nothing gives it back.
///
/// In force as far as the kernel has it: seccomp (a short list of calls; all others fail with EPERM), Landlock (no files), no new privileges,
/// no core dump. Where openat2(2) is refused, openat(2) stays allowed in its place, and Landlock alone keeps it below the folder. Resource limits are set by who starts the process (`ConfinedChild`). Call it before there is a second thread.
package enum Confinement {
    /// What is left to do.
    package enum Scope: Sendable {
        /// Only what is open already.
        case descriptors
        /// As `descriptors`, and making files below this folder.
        case folder(String)
    }

    /// What the kernel took on.
    package struct Hold: Hashable, Sendable {
        package let filtersCalls: Bool
        package let confinesFiles: Bool

        package init(filtersCalls: Bool, confinesFiles: Bool) {
            self.filtersCalls = filtersCalls
            self.confinesFiles = confinesFiles
        }

        /// What the kernel lacks, for people; nil where it has all of it.
        package var lack: String? {
            switch (filtersCalls, confinesFiles) {
            case (true, true): nil
            case (false, true): "seccomp"
            case (true, false): "Landlock"
            case (false, false): "seccomp and Landlock"
            }
        }
    }

    /// Confines the process. A kernel without a part of it leaves that part out, as the result says.
    @discardableResult
    package static func enter(_ scope: Scope) throws(SystemError) -> Hold {
        try retrying("prctl") { axle_undumpable() }
        var files: Int32 = 0
        let confinesFiles: Bool
        switch scope {
        case .descriptors: confinesFiles = axle_confine_files(-1) == 0
        case .folder(let path):
            let folder = try FileDescriptor.open(path, [.folder, .noFollow])
            files = axle_has_openat2(folder.number) == 1 ? 1 : 2
            confinesFiles = axle_confine_files(folder.number) == 0
        }
        return Hold(filtersCalls: axle_confine_calls(files) == 0, confinesFiles: confinesFiles)
    }

    /// What it means that a machine's kernel lacks this, and what to do.
    package static func sentence(lacking lack: String) -> String {
        "the kernel does not offer \(lack) to this program: archives and patches are read in children with fewer "
            + "limits; use a kernel with it, or allow it in the container or unit that this program runs in"
    }

    /// What a confined process tries in vain; the error of each attempt, nil for one that succeeded.
    package static func attempts() -> [(name: String, refusal: Errno?)] {
        let names = [
            "socket", "open", "exec", "fork", "kill", "executable-memory", "prctl", "unlink", "tgkill", "tkill",
            "rt_sigqueueinfo", "rt_tgsigqueueinfo", "fcntl-owner",
        ]
        return names.enumerated().map { number, name in
            (name, axle_tries(Int32(number)) < 0 ? Errno.current : nil)
        }
    }
}
