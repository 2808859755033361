// The Linux calls that Swift's Glibc overlay does not import, as plain functions over integers and pointers.
// Every function answers like the call that it wraps: -1 and errno on failure.
#ifndef AXLE_CLINUX_H
#define AXLE_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// One readiness event; `data` is what was registered.
struct axle_ready {
    uint64_t data;
    uint32_t events;
};

int axle_epoll_create(void);
// Operation: 1 add, 2 remove, 3 change.
int axle_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data);
// At most 256 events a call; `timeout` in milliseconds, -1 without end.
int axle_epoll_wait(int epoll, struct axle_ready *ready, int capacity, int timeout);

int axle_eventfd(void);
int axle_accept(int fd, void *address, uint32_t *length);
int axle_flock_exclusive(int fd);
int axle_pipe(int fds[2]);
int axle_open(const char *path, int flags, unsigned mode);
int axle_openat(int folder, const char *path, int flags, unsigned mode);
// openat2 with RESOLVE_BENEATH, no links, no other file system; EXDEV, ELOOP or ENOTDIR for a way out. Where openat2 is
// refused (kernels before 5.6, filters), axle_openat_walk.
int axle_openat_beneath(int folder, const char *path, int flags, unsigned mode);
// The same by one openat for each name of the path. A folder of the same file system that is mounted again below counts as
// inside.
int axle_openat_walk(int folder, const char *path, int flags, unsigned mode);
// Whether openat2 may be called here.
int axle_has_openat2(int folder);
int axle_syncfs(int fd);
// A new file in a folder that never gets a name and is gone when it is closed.
int axle_open_unnamed(const char *folder);
// Begins to write what is in memory of a range to the disk, and does not wait for it.
int axle_start_writeback(int fd, long long offset, long long length);
// pread of what is in memory alone (RWF_NOWAIT): EAGAIN where the disk would have to be waited for, EOPNOTSUPP where that is not known.
ssize_t axle_read_at_hand(int fd, void *bytes, size_t count, long long offset);
int axle_fcntl_nonblocking(int fd, int on);
int axle_getrandom(void *bytes, size_t count);
int axle_pidfd_open(int pid);
void axle_thread_name(const char *name);
long axle_thread_id(void);

// TCP options whose constants are missing from the overlay.
int axle_tcp_no_delay(int fd);
int axle_tcp_unsent_low_water(int fd, int bytes);
int axle_tcp_user_timeout(int fd, int milliseconds);
int axle_tcp_congestion(int fd, const char *name);

// From now on the signal writes its number as one byte to `fd` (which must not block).
int axle_signal_to(int signal, int fd);
int axle_signal_ignore(int signal);

// One resource limit of a child; resource numbers are the kernel's.
struct axle_limit {
    int resource;
    uint64_t value;
};

// Descriptors handed to a child are at or above this number in the parent, so that placing one overwrites no other.
#define AXLE_FIRST_FREE 16

// What a child is started with. A descriptor of -1 means /dev/null; all others are closed in the child.
struct axle_child {
    const char *path;
    char *const *argv;
    char *const *envp;
    const char *folder;  // or NULL
    int in, out, err;
    const int *extra;  // become 3, 4, …
    size_t extra_count;
    const struct axle_limit *limits;
    size_t limit_count;
    int own_group;        // the child leads a process group of its own
    int die_with_parent;  // the child gets SIGTERM when the thread that started it ends
    int no_new_privileges;
};

// The child's process id, or -1 and errno, which is also execve's own.
int axle_spawn(const struct axle_child *what);

// Moves the pages of a mapping to another address, in the place of what is mapped there (mremap(2)); MAP_FAILED and errno if not.
void *axle_move_pages(void *from, size_t count, void *to);
// 1 in a sanitizer's build, which takes address space without limit.
int axle_is_sanitized(void);

// Confinement of this process, which nothing takes back. No core and no other process's look into its memory.
int axle_undumpable(void);
// A crash ends the process as the kernel does it, whatever handlers were installed before.
void axle_crash_quietly(void);
// From now on all but a short list of calls fail with EPERM (seccomp). `files`: 1 allows those that make files, 2 openat as well.
int axle_confine_calls(int files);
// From now on no file can be opened or made but below `folder` (Landlock), or none at all with -1.
int axle_confine_files(int folder);
// Tries what a confined process must not be able to do: 0 socket, 1 open, 2 exec, 3 fork, 4 kill, 5 executable memory, 6 prctl, 7 unlink.
int axle_tries(int what);

#endif
