// OpenSSL as Swift sees it: its headers, and inline functions for the macros that Swift cannot import.
#ifndef AXLE_COPENSSL_H
#define AXLE_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// A BIO over a connected, non-blocking socket that it does not own. Unlike OpenSSL's own it never raises SIGPIPE.
BIO *axle_bio_socket(int fd);
// From here on what is written to the BIO is gathered in `stage`, so that many records cost one system call.
void axle_bio_gather(BIO *bio, void *stage, size_t size);
// Ends that and sends what was gathered: 1 if all went, 0 if a rest is kept (`axle_bio_send_rest`), -1 with errno.
int axle_bio_send_gathered(BIO *bio);
// 1 when no rest is left, 0 while the socket is full, -1 with errno.
int axle_bio_send_rest(BIO *bio);

// From here on the socket is read into `intake`, as much at a time as it holds, and OpenSSL takes each record from there.
void axle_bio_lend(BIO *bio, void *intake, size_t size);
// Ends that; what was read and not taken is kept and comes first. 0 if there is no memory for it.
int axle_bio_take_back(BIO *bio);
// Until this is called again OpenSSL gets at most so many bytes in at most so many reads; then a read asks to be retried.
void axle_bio_allow(BIO *bio, size_t bytes, size_t reads);
// Why the latest read asked to be retried: 1 if the socket is empty, 2 if the allowance is used up, 0 if it gave bytes.
int axle_bio_starved(BIO *bio);
// Reads that have given bytes so far.
size_t axle_bio_reads(BIO *bio);

// SSL_CTX: macros over SSL_CTX_ctrl.
static inline int axle_ctx_require_tls13(SSL_CTX *ctx) {
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
}
static inline void axle_ctx_set_modes(SSL_CTX *ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    // SSL_read returns after each record without data, so that TLSConnection can count them.
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
}
static inline int axle_ctx_set_groups(SSL_CTX *ctx, const char *list) { return (int)SSL_CTX_set1_groups_list(ctx, list); }
static inline int axle_ctx_add_chain_certificate(SSL_CTX *ctx, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(ctx, certificate);
}
static inline void axle_ctx_set_session_cache(SSL_CTX *ctx, long mode) { SSL_CTX_set_session_cache_mode(ctx, mode); }
static inline void axle_ctx_set_limits(SSL_CTX *ctx, long certificate_bytes) {
    SSL_CTX_set_max_cert_list(ctx, certificate_bytes);
    // An end without close_notify is told apart in TLSConnection; OpenSSL's own way would void the session for resumption.
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                 | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

// SSL: macros over SSL_ctrl.
static inline int axle_ssl_set_server_name(SSL *ssl, const char *name) { return (int)SSL_set_tlsext_host_name(ssl, name); }
// Whether the socket ended, rather than the TLS stream in it.
static inline int axle_ssl_socket_ended(SSL *ssl) { return BIO_eof(SSL_get_rbio(ssl)); }

// X509, BIO and X509V3: macros. RFC 2253 escapes, except that UTF-8 stays readable.
static inline int axle_print_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}
static inline long axle_bio_memory(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }
// `issuer_key` is the key of a certificate that signs itself, whose own key identifier is named then; NULL for all others.
static inline void axle_x509v3_context(X509V3_CTX *context, X509 *issuer, X509 *subject, EVP_PKEY *issuer_key) {
    X509V3_set_ctx(context, issuer, subject, NULL, NULL, 0);
    X509V3_set_ctx_nodb(context);
    if (issuer_key) X509V3_set_issuer_pkey(context, issuer_key);
}

// Stacks: typed accessors are macros.
static inline int axle_certificates_count(const STACK_OF(X509) *stack) { return stack ? sk_X509_num(stack) : 0; }
static inline X509 *axle_certificates_get(const STACK_OF(X509) *stack, int index) { return sk_X509_value(stack, index); }
static inline STACK_OF(X509) *axle_certificates_new(void) { return sk_X509_new_null(); }
static inline int axle_certificates_push(STACK_OF(X509) *stack, X509 *certificate) { return sk_X509_push(stack, certificate); }
// Frees the stack, not the certificates in it.
static inline void axle_certificates_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }
static inline int axle_names_count(const GENERAL_NAMES *names) { return names ? sk_GENERAL_NAME_num(names) : 0; }
static inline GENERAL_NAME *axle_names_get(const GENERAL_NAMES *names, int index) { return sk_GENERAL_NAME_value(names, index); }
static inline int axle_names_push(GENERAL_NAMES *names, GENERAL_NAME *name) { return sk_GENERAL_NAME_push(names, name); }

#endif
