#include "CXZ.h"

#include <dlfcn.h>

static uint32_t (*version)(void);
static int (*decoder)(struct axle_xz_stream *, uint64_t, uint32_t);
static int (*code)(struct axle_xz_stream *, int);
static void (*end)(struct axle_xz_stream *);

int axle_xz_load(void) {
    void *library = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    return (version = dlsym(library, "lzma_version_number")) && (decoder = dlsym(library, "lzma_stream_decoder")) &&
           (code = dlsym(library, "lzma_code")) && (end = dlsym(library, "lzma_end"));
}

uint32_t axle_xz_version(void) { return version(); }
int axle_xz_decoder(struct axle_xz_stream *stream, uint64_t memory_limit) {
    return decoder(stream, memory_limit, 0x08 /* LZMA_CONCATENATED */);
}
int axle_xz_code(struct axle_xz_stream *stream, int action) { return code(stream, action); }
void axle_xz_end(struct axle_xz_stream *stream) { end(stream); }
