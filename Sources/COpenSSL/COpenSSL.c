// The one piece of OpenSSL glue that cannot be inline: a BIO method for sockets.
#include "COpenSSL.h"

#include <errno.h>
#include <sys/socket.h>

static int would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

static int socket_fd(BIO *bio) { return (int)(long)BIO_get_data(bio); }

static int socket_write(BIO *bio, const char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    ssize_t n = send(socket_fd(bio), bytes, (size_t)count, MSG_NOSIGNAL);
    if (n < 0 && would_block()) BIO_set_retry_write(bio);
    return (int)n;
}

static int socket_read(BIO *bio, char *bytes, int count) {
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(socket_fd(bio), bytes, (size_t)count, 0);
    if (n < 0 && would_block()) BIO_set_retry_read(bio);
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
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
    method = made;
}

BIO *axle_bio_socket(int fd) {
    if (!CRYPTO_THREAD_run_once(&once, make_method) || !method) return NULL;
    BIO *bio = BIO_new(method);
    if (!bio) return NULL;
    BIO_set_data(bio, (void *)(long)fd);
    BIO_set_init(bio, 1);
    return bio;
}
