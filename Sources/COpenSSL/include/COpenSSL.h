// OpenSSL as Swift sees it: its headers, and inline functions for the macros that Swift cannot import.
#ifndef AXLE_COPENSSL_H
#define AXLE_COPENSSL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#endif
