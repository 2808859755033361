#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

int axle_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int axle_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(epoll, operation, fd, &event);
}

int axle_epoll_wait(int epoll, struct axle_ready *ready, int capacity, int timeout) {
    struct epoll_event events[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, events, capacity, timeout);
    for (int i = 0; i < count; i++) {
        ready[i].data = events[i].data.u64;
        ready[i].events = events[i].events;
    }
    return count;
}

int axle_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int axle_accept(int fd, void *address, uint32_t *length) {
    return accept4(fd, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int axle_flock_exclusive(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

int axle_pipe(int fds[2]) { return pipe2(fds, O_CLOEXEC); }

int axle_open(const char *path, int flags, unsigned mode) { return open(path, flags | O_CLOEXEC, mode); }

int axle_openat(int folder, const char *path, int flags, unsigned mode) {
    return openat(folder, path, flags | O_CLOEXEC, mode);
}

static int openat2_beneath(int folder, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

// Opens one name in a folder, without following a link, on the same file system.
static int open_name(int folder, const char *name, int flags, unsigned mode, dev_t device) {
    int file = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file < 0) return -1;
    struct stat status;
    int error = fstat(file, &status) < 0 ? errno : status.st_dev != device ? EXDEV : 0;
    // An O_PATH descriptor of a link is given out for the link itself.
    if (error == 0 && S_ISLNK(status.st_mode)) error = ELOOP;
    if (error == 0) return file;
    close(file);
    errno = error;
    return -1;
}

int axle_openat_walk(int folder, const char *path, int flags, unsigned mode) {
    char name[NAME_MAX + 1];
    struct stat root;
    if (fstat(folder, &root) < 0) return -1;
    int at = folder;
    int result = -1;
    int error = 0;
    while (error == 0 && result < 0) {
        size_t length = strcspn(path, "/");
        int is_last = path[length] == 0;
        if (length == 0) error = EINVAL;
        else if (length > NAME_MAX) error = ENAMETOOLONG;
        else if (path[0] == '.' && (length == 1 || (length == 2 && path[1] == '.'))) error = EXDEV;
        if (error) break;
        memcpy(name, path, length);
        name[length] = 0;
        int next = is_last ? open_name(at, name, flags, mode, root.st_dev)
                           : open_name(at, name, O_PATH | O_DIRECTORY, 0, root.st_dev);
        if (next < 0) error = errno;
        if (at != folder) close(at);
        at = folder;
        if (error) break;
        if (is_last) result = next;
        else at = next;
        path += length + 1;
    }
    if (at != folder) close(at);
    if (error) errno = error;
    return result;
}

// Whether a call was refused as a whole, by an older kernel or by a filter around this process.
static int is_refused(int error) { return error == ENOSYS || error == EPERM; }

int axle_has_openat2(int folder) {
    int file = openat2_beneath(folder, ".", O_PATH | O_DIRECTORY, 0);
    if (file < 0) return !is_refused(errno);
    close(file);
    return 1;
}

int axle_openat_beneath(int folder, const char *path, int flags, unsigned mode) {
    int file = openat2_beneath(folder, path, flags, mode);
    // EPERM may also be about the file: then the walk says so.
    return file < 0 && is_refused(errno) ? axle_openat_walk(folder, path, flags, mode) : file;
}

int axle_open_unnamed(const char *folder) { return open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600); }

int axle_start_writeback(int fd, long long offset, long long length) {
    return sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

int axle_syncfs(int fd) { return syncfs(fd); }

ssize_t axle_read_at_hand(int fd, void *bytes, size_t count, long long offset) {
    struct iovec piece = {bytes, count};
    return preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
}

int axle_fcntl_nonblocking(int fd, int on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int axle_getrandom(void *bytes, size_t count) { return (int)getrandom(bytes, count, 0); }

int axle_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

void axle_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

long axle_thread_id(void) { return syscall(SYS_gettid); }

int axle_tcp_no_delay(int fd) {
    int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int axle_tcp_unsent_low_water(int fd, int bytes) {
    return setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

int axle_tcp_user_timeout(int fd, int milliseconds) {
    unsigned value = (unsigned)milliseconds;
    return setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

int axle_tcp_congestion(int fd, const char *name) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

// One pipe for each signal; written by the handler, which may run on any thread at any time.
static volatile int signal_pipes[65];

static void forward(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t written = write(signal_pipes[number], &byte, 1);
    (void)written;  // A full pipe already has a wake-up in it.
    errno = saved;
}

int axle_signal_to(int number, int fd) {
    if (number < 1 || number > 64) {
        errno = EINVAL;
        return -1;
    }
    signal_pipes[number] = fd;
    struct sigaction action = {0};
    action.sa_handler = forward;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

int axle_signal_ignore(int number) {
    struct sigaction action = {0};
    action.sa_handler = SIG_IGN;
    return sigaction(number, &action, NULL);
}

// Puts `fd` (or /dev/null) at `target` in the child.
static int place(int fd, int target) {
    if (fd < 0) {
        fd = open("/dev/null", target == 0 ? O_RDONLY : O_WRONLY);
        if (fd < 0) return -1;
    }
    if (fd == target) return fcntl(fd, F_SETFD, 0);
    return dup2(fd, target) < 0 ? -1 : 0;
}

// A pipe whose ends are above those that the child is given, so that placing them does not overwrite it.
static int axle_pipe_above(int fds[2]) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    fds[0] = fcntl(ends[0], F_DUPFD_CLOEXEC, AXLE_FIRST_FREE);
    fds[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, AXLE_FIRST_FREE);
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    if (fds[0] >= 0 && fds[1] >= 0) return 0;
    if (fds[0] >= 0) close(fds[0]);
    if (fds[1] >= 0) close(fds[1]);
    errno = error;
    return -1;
}

// Runs in the child, which may share the parent's memory until execve: touches nothing but its arguments. Why it failed goes
// into `report`, which execve closes; memory would not do where vfork is a fork (sanitizers, emulators).
static void become(const struct axle_child *what, int report) {
    struct sigaction standard = {0};
    standard.sa_handler = SIG_DFL;
    // Handlers go back to the default by themselves at execve, ignored signals do not.
    for (int number = 1; number < 65; number++) {
        if (number != SIGKILL && number != SIGSTOP) sigaction(number, &standard, NULL);
    }
    if (what->own_group && setpgid(0, 0) < 0) goto failed;
    if (what->die_with_parent && prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) goto failed;
    if (what->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) goto failed;
    if (what->folder && chdir(what->folder) < 0) goto failed;
    // The caller hands in descriptors above those that are placed, so that none is overwritten before.
    if (place(what->in, 0) < 0 || place(what->out, 1) < 0 || place(what->err, 2) < 0) goto failed;
    unsigned next = 3;
    for (size_t i = 0; i < what->extra_count; i++, next++) {
        if (place(what->extra[i], (int)next) < 0) goto failed;
    }
    // All others are closed by execve, so that the report can still be written if that fails.
    if (syscall(SYS_close_range, next, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0) {
        for (int fd = (int)next; fd < 4096; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    for (size_t i = 0; i < what->limit_count; i++) {
        struct rlimit limit = {what->limits[i].value, what->limits[i].value};
        if (setrlimit(what->limits[i].resource, &limit) < 0) goto failed;
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(what->path, what->argv, what->envp);
failed:;
    int error = errno;
    ssize_t written = write(report, &error, sizeof error);
    (void)written;
    _exit(127);
}

__attribute__((noinline)) int axle_spawn(const struct axle_child *what) {
    int report[2];
    if (what->extra_count > AXLE_FIRST_FREE - 3) {
        errno = EINVAL;
        return -1;
    }
    if (axle_pipe_above(report) < 0) return -1;
    sigset_t all, before;
    sigfillset(&all);
    // No handler of ours may run in the child while it shares this memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0) become(what, report[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    int failure = 0;
    if (pid > 0) {
        // Nothing comes if the program was started.
        ssize_t count;
        do count = read(report[0], &failure, sizeof failure);
        while (count < 0 && errno == EINTR);
        if (count != sizeof failure) failure = 0;
    }
    close(report[0]);
    if (pid > 0 && failure) {
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        error = failure;
        pid = -1;
    }
    errno = error;
    return pid;
}

void *axle_move_pages(void *from, size_t count, void *to) {
    return mremap(from, count, count, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

int axle_is_sanitized(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 1;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return 1;
#endif
#endif
    return 0;
}

void axle_crash_quietly(void) {
    // The runtime's own handlers write registers, memory and backtraces to standard error; the kernel's default only ends the process.
    static const int crashes[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV};
    struct sigaction standard = {0};
    standard.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &standard, NULL);
}

int axle_undumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// What a confined process may call: memory, its own descriptors, its own end. The filter adds calls of which the arguments count.
static const short calls_of_all[] = {
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close, SYS_fstat, SYS_ftruncate,
    SYS_fsync, SYS_fdatasync, SYS_munmap, SYS_brk, SYS_mremap, SYS_madvise, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_sigaltstack, SYS_sched_yield, SYS_getpid, SYS_gettid, SYS_futex, SYS_clock_gettime,
    SYS_clock_nanosleep, SYS_getrandom, SYS_exit, SYS_exit_group, SYS_restart_syscall, SYS_set_robust_list, SYS_rseq,
    SYS_sched_getaffinity,
};
// What one that makes files below a folder may call as well.
static const short calls_on_files[] = {
    SYS_openat2, SYS_mkdirat, SYS_symlinkat, SYS_linkat, SYS_newfstatat, SYS_fchmod, SYS_dup, SYS_syncfs,
};
// And where openat2 is refused.
static const short calls_of_walks[] = {SYS_openat};

#if defined(__x86_64__)
#define AXLE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AXLE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define AXLE_ARCHITECTURE 0
#endif

// Whom a confined process may not send signals to: its parent, for `axle_tries`, found before the filter is there.
static pid_t victim;

int axle_confine_calls(int files) {
    struct sock_filter code[128];
    unsigned count = 0;
#define ADD(...) code[count++] = (struct sock_filter)__VA_ARGS__
#define ALLOW(number)                                             \
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(number), 0, 1)); \
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW))
    // Another architecture's numbers mean other calls.
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AXLE_ARCHITECTURE, 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    for (size_t i = 0; i < sizeof calls_of_all / sizeof *calls_of_all; i++) { ALLOW(calls_of_all[i]); }
    if (files) {
        for (size_t i = 0; i < sizeof calls_on_files / sizeof *calls_on_files; i++) { ALLOW(calls_on_files[i]); }
    }
    if (files > 1) {
        for (size_t i = 0; i < sizeof calls_of_walks / sizeof *calls_of_walks; i++) { ALLOW(calls_of_walks[i]); }
    }
    // Signals to itself only: a failed check of the program ends it by one. A process number has 32 bits; there is no fork, so that it stays.
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4));
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)getpid(), 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    if (files) {
        // Of fcntl what copies descriptors: F_SETOWN and F_SETSIG send signals to others, too.
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 7));
        ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])));
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_GETFD, 4, 0));
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETFD, 3, 0));
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_GETFL, 2, 0));
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 1, 0));
        ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
        ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    // Memory is never made executable.
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0));
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3));
    ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])));
    ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
#undef ALLOW
#undef ADD
    struct sock_fprog program = {(unsigned short)count, code};
    if (AXLE_ARCHITECTURE == 0) {
        errno = ENOSYS;
        return -1;
    }
    victim = getppid();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

int axle_confine_files(int folder) {
    // Everything of the first version of Landlock: later rights need no hold here, the calls being filtered as well.
    uint64_t all = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                   LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                   LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                   LANDLOCK_ACCESS_FS_MAKE_SYM;
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    // The first version refuses every hard link between folders.
    if (version < 2) {
        if (version >= 0) errno = ENOSYS;
        return -1;
    }
    uint64_t handled = all | (1ull << 13) /* LANDLOCK_ACCESS_FS_REFER */;
    struct landlock_ruleset_attr rules = {.handled_access_fs = handled};
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules.handled_access_fs, 0);
    if (set < 0) return -1;
    int result = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (result == 0 && folder >= 0) {
        struct landlock_path_beneath_attr beneath = {
            .allowed_access = (handled & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                                     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                                     LANDLOCK_ACCESS_FS_MAKE_FIFO)),
            .parent_fd = folder,
        };
        result = (int)syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    }
    if (result == 0) result = (int)syscall(SYS_landlock_restrict_self, set, 0);
    int error = errno;
    close(set);
    errno = error;
    return result;
}

int axle_tries(int what) {
    switch (what) {
    case 0: return socket(AF_INET, SOCK_STREAM, 0);
    case 1: return open("/etc/passwd", O_RDONLY);
    case 2: {
        char *const none[] = {NULL};
        return execve("/bin/true", none, none);
    }
    case 3: return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    case 4: return kill(victim, 0);
    case 5: return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
    case 6: return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    case 7: return unlink("/nonexistent");
    case 8: return (int)syscall(SYS_tgkill, victim, victim, 0);
    case 9: return (int)syscall(SYS_tkill, victim, 0);
    case 10: {
        siginfo_t what_of = {.si_code = SI_QUEUE};
        return (int)syscall(SYS_rt_sigqueueinfo, victim, 0, &what_of);
    }
    case 11: {
        siginfo_t what_of = {.si_code = SI_QUEUE};
        return (int)syscall(SYS_rt_tgsigqueueinfo, victim, victim, 0, &what_of);
    }
    // A signal of the process's choice to another, whenever a descriptor becomes ready.
    case 12: return fcntl(1, F_SETOWN, victim);
    default: errno = EINVAL; return -1;
    }
}
