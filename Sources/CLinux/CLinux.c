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

// Runs in the child, which shares the parent's memory until execve: touches nothing but its arguments.
static void become(const struct axle_child *what, volatile int *failure) {
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
    if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0) {
        for (int fd = 3; fd < 4096; fd++) close(fd);
    }
    for (size_t i = 0; i < what->limit_count; i++) {
        struct rlimit limit = {what->limits[i].value, what->limits[i].value};
        if (setrlimit(what->limits[i].resource, &limit) < 0) goto failed;
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(what->path, what->argv, what->envp);
failed:
    *failure = errno;
    _exit(127);
}

__attribute__((noinline)) int axle_spawn(const struct axle_child *what) {
    volatile int failure = 0;
    sigset_t all, before;
    sigfillset(&all);
    // No handler of ours may run in the child while it shares this memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0) become(what, &failure);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid > 0 && failure) {
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        error = failure;
        pid = -1;
    }
    errno = error;
    return pid;
}
