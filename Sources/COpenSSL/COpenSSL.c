// The one piece of OpenSSL glue that cannot be inline: a BIO method for sockets.
#include "COpenSSL.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static int would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// What a socket BIO keeps. While `stage` is set, writes are gathered there; `rest` is what the socket did not take of it.
struct axle_socket {
    int fd;
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

static int socket_read(BIO *bio, char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(socket_of(bio)->fd, bytes, (size_t)count, 0);
    if (n < 0 && would_block()) BIO_set_retry_read(bio);
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
}

static int socket_destroy(BIO *bio) {
    struct axle_socket *socket = socket_of(bio);
    if (socket) {
        OPENSSL_free(socket->rest);
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
    BIO_set_data(bio, socket);
    BIO_set_init(bio, 1);
    return bio;
}
