// The one piece of OpenSSL glue that cannot be inline: a BIO method for sockets.
#include "COpenSSL.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static int would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// What a socket BIO keeps. While `stage` is set, writes are gathered there; `rest` is what the socket did not take of it.
// While `intake` is set, the socket is read into it; `kept` is what was not taken of it when it was taken back.
// `allowed_bytes` and `allowed_reads` are left of the allowance; `starved` says why the latest read gave nothing.
struct axle_socket {
    int fd, starved;
    size_t allowed_bytes, allowed_reads, reads;
    unsigned char *intake;
    size_t intake_size, intake_count, intake_taken;
    unsigned char *kept;
    size_t kept_count, kept_taken;
    unsigned char *stage;
    size_t stage_size, stage_count;
    unsigned char *rest;
    size_t rest_count, rest_sent;
};

static struct axle_socket *socket_of(BIO *bio) { return BIO_get_data(bio); }

// Sends the rest: 1 when there is none any more, 0 when the socket is full, -1 with errno when it failed.
static int send_rest(struct axle_socket *socket) {
    while (socket->rest) {
        ssize_t n = send(socket->fd, socket->rest + socket->rest_sent, socket->rest_count - socket->rest_sent, MSG_NOSIGNAL);
        if (n < 0) return would_block() ? 0 : -1;
        socket->rest_sent += (size_t)n;
        if (socket->rest_sent < socket->rest_count) continue;
        OPENSSL_free(socket->rest);
        socket->rest = NULL;
        socket->rest_count = socket->rest_sent = 0;
    }
    return 1;
}

static int socket_write(BIO *bio, const char *bytes, int count) {
    struct axle_socket *socket = socket_of(bio);
    BIO_clear_retry_flags(bio);
    if (count <= 0) return 0;
    if (socket->stage && socket->stage_size - socket->stage_count >= (size_t)count) {
        memcpy(socket->stage + socket->stage_count, bytes, (size_t)count);
        socket->stage_count += (size_t)count;
        return count;
    }
    // Order holds: what was gathered or left over goes first.
    int state = socket->stage_count ? 0 : send_rest(socket);
    ssize_t n = -1;
    if (state == 1) n = send(socket->fd, bytes, (size_t)count, MSG_NOSIGNAL);
    if (n < 0 && (state == 0 || (state == 1 && would_block()))) BIO_set_retry_write(bio);
    return (int)n;
}

void axle_bio_gather(BIO *bio, void *stage, size_t size) {
    struct axle_socket *socket = socket_of(bio);
    socket->stage = stage;
    socket->stage_size = size;
    socket->stage_count = 0;
}

int axle_bio_send_gathered(BIO *bio) {
    struct axle_socket *socket = socket_of(bio);
    unsigned char *stage = socket->stage;
    size_t count = socket->stage_count, sent = 0;
    socket->stage = NULL;
    socket->stage_size = socket->stage_count = 0;
    while (sent < count) {
        ssize_t n = send(socket->fd, stage + sent, count - sent, MSG_NOSIGNAL);
        if (n < 0 && !would_block()) return -1;
        if (n < 0) break;
        sent += (size_t)n;
    }
    if (sent == count) return 1;
    socket->rest = OPENSSL_malloc(count - sent);
    if (!socket->rest) {
        errno = ENOMEM;
        return -1;
    }
    memcpy(socket->rest, stage + sent, count - sent);
    socket->rest_count = count - sent;
    socket->rest_sent = 0;
    return 0;
}

int axle_bio_send_rest(BIO *bio) { return send_rest(socket_of(bio)); }

// Moves at most `count` bytes from a buffer of which some were taken before.
static int take(char *bytes, int count, const unsigned char *buffer, size_t held, size_t *taken) {
    size_t n = held - *taken;
    if (n > (size_t)count) n = (size_t)count;
    memcpy(bytes, buffer + *taken, n);
    *taken += n;
    return (int)n;
}

static int read_some(BIO *bio, char *bytes, int count) {
    struct axle_socket *socket = socket_of(bio);
    if (socket->kept) {
        int n = take(bytes, count, socket->kept, socket->kept_count, &socket->kept_taken);
        if (socket->kept_taken == socket->kept_count) {
            OPENSSL_free(socket->kept);
            socket->kept = NULL;
        }
        return n;
    }
    if (socket->intake_taken < socket->intake_count)
        return take(bytes, count, socket->intake, socket->intake_count, &socket->intake_taken);
    int goes_through = socket->intake_size > (size_t)count;
    ssize_t n = goes_through ? recv(socket->fd, socket->intake, socket->intake_size, 0)
                             : recv(socket->fd, bytes, (size_t)count, 0);
    if (n < 0 && would_block()) {
        socket->starved = 1;
        BIO_set_retry_read(bio);
    }
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (n <= 0 || !goes_through) return (int)n;
    socket->intake_count = (size_t)n;
    socket->intake_taken = 0;
    return take(bytes, count, socket->intake, socket->intake_count, &socket->intake_taken);
}

static int socket_read(BIO *bio, char *bytes, int count) {
    struct axle_socket *socket = socket_of(bio);
    BIO_clear_retry_flags(bio);
    socket->starved = 0;
    if (count <= 0) return 0;
    if (socket->allowed_bytes == 0 || socket->allowed_reads == 0) {
        socket->starved = 2;
        BIO_set_retry_read(bio);
        return -1;
    }
    if ((size_t)count > socket->allowed_bytes) count = (int)socket->allowed_bytes;
    int n = read_some(bio, bytes, count);
    if (n <= 0) return n;
    socket->reads++;
    if (socket->allowed_bytes != SIZE_MAX) socket->allowed_bytes -= (size_t)n;
    if (socket->allowed_reads != SIZE_MAX) socket->allowed_reads--;
    return n;
}

void axle_bio_allow(BIO *bio, size_t bytes, size_t reads) {
    struct axle_socket *socket = socket_of(bio);
    socket->allowed_bytes = bytes;
    socket->allowed_reads = reads;
}

int axle_bio_starved(BIO *bio) { return socket_of(bio)->starved; }

size_t axle_bio_reads(BIO *bio) { return socket_of(bio)->reads; }

void axle_bio_lend(BIO *bio, void *intake, size_t size) {
    struct axle_socket *socket = socket_of(bio);
    socket->intake = intake;
    socket->intake_size = size;
    socket->intake_count = socket->intake_taken = 0;
}

int axle_bio_take_back(BIO *bio) {
    struct axle_socket *socket = socket_of(bio);
    const unsigned char *left = socket->intake + socket->intake_taken;
    size_t count = socket->intake_count - socket->intake_taken;
    socket->intake = NULL;
    socket->intake_size = socket->intake_count = socket->intake_taken = 0;
    if (count == 0) return 1;
    // Something is read from the intake only when nothing is kept, so there is one rest at a time.
    socket->kept = OPENSSL_malloc(count);
    if (!socket->kept) return 0;
    memcpy(socket->kept, left, count);
    socket->kept_count = count;
    socket->kept_taken = 0;
    return 1;
}

static int socket_destroy(BIO *bio) {
    struct axle_socket *socket = socket_of(bio);
    if (socket) {
        OPENSSL_free(socket->rest);
        OPENSSL_free(socket->kept);
        OPENSSL_free(socket);
    }
    BIO_set_data(bio, NULL);
    return 1;
}

static long socket_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_DUP: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default: return 0;
    }
}

static BIO_METHOD *method;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "axle socket");
    if (!made) return;
    BIO_meth_set_write(made, socket_write);
    BIO_meth_set_read(made, socket_read);
    BIO_meth_set_ctrl(made, socket_ctrl);
    BIO_meth_set_destroy(made, socket_destroy);
    method = made;
}

BIO *axle_bio_socket(int fd) {
    if (!CRYPTO_THREAD_run_once(&once, make_method) || !method) return NULL;
    BIO *bio = BIO_new(method);
    if (!bio) return NULL;
    struct axle_socket *socket = OPENSSL_zalloc(sizeof *socket);
    if (!socket) {
        BIO_free(bio);
        return NULL;
    }
    socket->fd = fd;
    socket->allowed_bytes = socket->allowed_reads = SIZE_MAX;
    BIO_set_data(bio, socket);
    BIO_set_init(bio, 1);
    return bio;
}
