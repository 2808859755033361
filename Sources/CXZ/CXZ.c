#include "CXZ.h"

#include <dlfcn.h>
#include <string.h>

// lzma_mt.
struct options {
    uint32_t flags, threads;
    uint64_t block_size;
    uint32_t timeout, preset;
    const void *filters;
    int check, reserved_enum[3];
    uint32_t reserved_int[4];
    uint64_t memlimit_threading, memlimit_stop, reserved_int7, reserved_int8;
    void *reserved_pointer[4];
};

static uint32_t (*version)(void);
static int (*decoder)(struct axle_xz_stream *, uint64_t, uint32_t);
static int (*encoder)(struct axle_xz_stream *, uint32_t, int);
static int (*encoder_mt)(struct axle_xz_stream *, const struct options *);
static int (*code)(struct axle_xz_stream *, int);
static void (*end)(struct axle_xz_stream *);

int axle_xz_load(void) {
    void *library = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    return (version = dlsym(library, "lzma_version_number")) && (decoder = dlsym(library, "lzma_stream_decoder")) &&
           (encoder = dlsym(library, "lzma_easy_encoder")) && (encoder_mt = dlsym(library, "lzma_stream_encoder_mt")) &&
           (code = dlsym(library, "lzma_code")) && (end = dlsym(library, "lzma_end"));
}

uint32_t axle_xz_version(void) { return version(); }
int axle_xz_decoder(struct axle_xz_stream *stream, uint64_t memory_limit) {
    return decoder(stream, memory_limit, 0x08 /* LZMA_CONCATENATED */);
}
int axle_xz_encoder(struct axle_xz_stream *stream, uint32_t preset, int check) {
    return encoder(stream, preset, check);
}
int axle_xz_block_encoder(struct axle_xz_stream *stream, uint32_t preset, int check, uint64_t block_size) {
    struct options options;
    memset(&options, 0, sizeof options);
    options.threads = 1;
    options.block_size = block_size;
    options.preset = preset;
    options.check = check;
    return encoder_mt(stream, &options);
}
int axle_xz_code(struct axle_xz_stream *stream, int action) { return code(stream, action); }
void axle_xz_end(struct axle_xz_stream *stream) { end(stream); }
