#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

int axle_openat_beneath(int folder, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

int axle_syncfs(int fd) { return syncfs(fd); }

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

// A pipe whose ends are above 2, so that placing the standard descriptors does not overwrite them.
static int axle_pipe_above(int fds[2]) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    fds[0] = fcntl(ends[0], F_DUPFD_CLOEXEC, 3);
    fds[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
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
    // The caller hands in descriptors above 2, so that none is overwritten before it is placed.
    if (place(what->in, 0) < 0 || place(what->out, 1) < 0 || place(what->err, 2) < 0) goto failed;
    // All others are closed by execve, so that the report can still be written if that fails.
    if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0) {
        for (int fd = 3; fd < 4096; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
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
