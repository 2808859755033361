#include "CZlib.h"

#include <dlfcn.h>

static const char *(*version)(void);
static int (*inflate_init)(struct axle_zlib_stream *, int, const char *, int);
static int (*inflate)(struct axle_zlib_stream *, int);
static int (*inflate_reset)(struct axle_zlib_stream *);
static int (*inflate_end)(struct axle_zlib_stream *);
static int (*deflate_init)(struct axle_zlib_stream *, int, int, int, int, int, const char *, int);
static int (*deflate)(struct axle_zlib_stream *, int);
static int (*deflate_end)(struct axle_zlib_stream *);
static unsigned long (*crc32)(unsigned long, const unsigned char *, unsigned);

int axle_zlib_load(void) {
    void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    return (version = dlsym(library, "zlibVersion")) && (inflate_init = dlsym(library, "inflateInit2_")) &&
           (inflate = dlsym(library, "inflate")) && (inflate_reset = dlsym(library, "inflateReset")) &&
           (inflate_end = dlsym(library, "inflateEnd")) && (deflate_init = dlsym(library, "deflateInit2_")) &&
           (deflate = dlsym(library, "deflate")) && (deflate_end = dlsym(library, "deflateEnd")) &&
           (crc32 = dlsym(library, "crc32"));
}

const char *axle_zlib_version(void) { return version(); }
int axle_zlib_gunzip(struct axle_zlib_stream *stream) {
    return inflate_init(stream, 16 + 15, "1.2.11", (int)sizeof *stream);
}
int axle_zlib_inflate(struct axle_zlib_stream *stream) { return inflate(stream, AXLE_ZLIB_RUN); }
int axle_zlib_inflate_reset(struct axle_zlib_stream *stream) { return inflate_reset(stream); }
void axle_zlib_inflate_end(struct axle_zlib_stream *stream) { inflate_end(stream); }
int axle_zlib_deflater(struct axle_zlib_stream *stream, int level) {
    return deflate_init(stream, level, 8, -15, 8, 0, "1.2.11", (int)sizeof *stream);
}
int axle_zlib_deflate(struct axle_zlib_stream *stream, int flush) { return deflate(stream, flush); }
void axle_zlib_deflate_end(struct axle_zlib_stream *stream) { deflate_end(stream); }
unsigned long axle_zlib_crc32(unsigned long crc, const unsigned char *bytes, unsigned count) {
    return crc32(crc, bytes, count);
}
