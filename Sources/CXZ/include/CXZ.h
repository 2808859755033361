// What Axle uses of liblzma (tukaani-project/xz, lzma/base.h and lzma/container.h 5.2 and later), declared here and loaded at run time:
// nothing is linked, and no header of it is needed to build. Call axle_xz_load first; where it answers 0 no other function may be called.
#ifndef AXLE_CXZ_H
#define AXLE_CXZ_H

#include <stddef.h>
#include <stdint.h>

// lzma_stream; all zero before its first use.
struct axle_xz_stream {
    const uint8_t *next_in;
    size_t avail_in;
    uint64_t total_in;
    uint8_t *next_out;
    size_t avail_out;
    uint64_t total_out;
    const void *allocator;
    void *internal;
    void *reserved_pointer[4];
    uint64_t seek_pos, reserved_int2;
    size_t reserved_int3, reserved_int4;
    int reserved_enum1, reserved_enum2;
};

// Results (lzma_ret).
enum {
    AXLE_XZ_OK = 0,
    AXLE_XZ_END = 1,
    AXLE_XZ_MEMORY = 5,
    AXLE_XZ_MEMORY_LIMIT = 6,
    AXLE_XZ_NO_PROGRESS = 10,
};
// What to do (lzma_action).
enum { AXLE_XZ_RUN = 0, AXLE_XZ_FINISH = 3 };

// 1 if the library is there with all that is declared here. Safe from one thread at a time.
int axle_xz_load(void);
// MAJOR * 10000000 + MINOR * 10000 + PATCH * 10 + stability.
uint32_t axle_xz_version(void);
// A decoder of concatenated streams that takes no more memory than this.
int axle_xz_decoder(struct axle_xz_stream *stream, uint64_t memory_limit);
int axle_xz_code(struct axle_xz_stream *stream, int action);
void axle_xz_end(struct axle_xz_stream *stream);

#endif
