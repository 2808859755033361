#include "CZlib.h"

#include <dlfcn.h>

static const char *(*version)(void);
static int (*inflate_init)(struct axle_zlib_stream *, int, const char *, int);
static int (*inflate)(struct axle_zlib_stream *, int);
static int (*inflate_reset)(struct axle_zlib_stream *);
static int (*inflate_end)(struct axle_zlib_stream *);

int axle_zlib_load(void) {
    void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    return (version = dlsym(library, "zlibVersion")) && (inflate_init = dlsym(library, "inflateInit2_")) &&
           (inflate = dlsym(library, "inflate")) && (inflate_reset = dlsym(library, "inflateReset")) &&
           (inflate_end = dlsym(library, "inflateEnd"));
}

const char *axle_zlib_version(void) { return version(); }
int axle_zlib_gunzip(struct axle_zlib_stream *stream) {
    return inflate_init(stream, 16 + 15, "1.2.11", (int)sizeof *stream);
}
int axle_zlib_inflate(struct axle_zlib_stream *stream) { return inflate(stream, 0 /* Z_NO_FLUSH */); }
int axle_zlib_inflate_reset(struct axle_zlib_stream *stream) { return inflate_reset(stream); }
void axle_zlib_inflate_end(struct axle_zlib_stream *stream) { inflate_end(stream); }
