// What Axle uses of libzstd (facebook/zstd, lib/zstd.h 1.4.5 and later), declared here and loaded at run time: nothing is linked, and
// no header of it is needed to build. Call axle_zstd_load first; where it answers 0 no other function may be called.
#ifndef AXLE_CZSTD_H
#define AXLE_CZSTD_H

#include <stddef.h>

// ZSTD_inBuffer and ZSTD_outBuffer.
struct axle_zstd_in {
    const void *bytes;
    size_t size, pos;
};
struct axle_zstd_out {
    void *bytes;
    size_t size, pos;
};

// Parameters of a compressor (ZSTD_cParameter).
enum {
    AXLE_ZSTD_LEVEL = 100,
    AXLE_ZSTD_WINDOW_LOG = 101,
    AXLE_ZSTD_LONG_DISTANCE = 160,
    AXLE_ZSTD_LONG_BUCKET_LOG = 163,
    AXLE_ZSTD_CONTENT_SIZE = 200,
    AXLE_ZSTD_CHECKSUM = 201,
    AXLE_ZSTD_STABLE_IN = 1006,
};
// Parameters of a decompressor (ZSTD_dParameter).
enum {
    AXLE_ZSTD_WINDOW_LOG_MAX = 100,
    AXLE_ZSTD_STABLE_OUT = 1001,
};

// 1 if the library is there with all that is declared here. Safe from one thread at a time.
int axle_zstd_load(void);
// MAJOR * 10000 + MINOR * 100 + PATCH.
unsigned axle_zstd_version(void);
// 0, or the number of the error that `result` stands for (ZSTD_ErrorCode), and its text.
int axle_zstd_error(size_t result);
const char *axle_zstd_error_text(size_t result);

void *axle_zstd_compressor(void);
void axle_zstd_compressor_free(void *compressor);
size_t axle_zstd_compressor_set(void *compressor, int parameter, int value);
size_t axle_zstd_compressor_pledge(void *compressor, unsigned long long length);
size_t axle_zstd_compressor_prefix(void *compressor, const void *bytes, size_t count);
// `directive`: 0 continue, 1 flush, 2 end. What is still to be flushed, or an error.
size_t axle_zstd_compress(void *compressor, struct axle_zstd_out *out, struct axle_zstd_in *in, int directive);

void *axle_zstd_decompressor(void);
void axle_zstd_decompressor_free(void *decompressor);
size_t axle_zstd_decompressor_set(void *decompressor, int parameter, int value);
size_t axle_zstd_decompressor_prefix(void *decompressor, const void *bytes, size_t count);
// 0 at the end of a frame, else a hint, or an error.
size_t axle_zstd_decompress(void *decompressor, struct axle_zstd_out *out, struct axle_zstd_in *in);

// One block in one call. The compressor's parameters but the level do not count. The bytes written, or an error.
size_t axle_zstd_pack(void *compressor, void *out, size_t room, const void *bytes, size_t count, int level);
size_t axle_zstd_unpack(void *decompressor, void *out, size_t room, const void *bytes, size_t count);

#endif
