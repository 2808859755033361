// What Axle uses of zlib (zlib.h 1.2), declared here and loaded at run time: nothing is linked, and no header of it is needed to build.
// Call axle_zlib_load first; where it answers 0 no other function may be called.
#ifndef AXLE_CZLIB_H
#define AXLE_CZLIB_H

// z_stream; all zero before its first use.
struct axle_zlib_stream {
    const unsigned char *next_in;
    unsigned avail_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *message;
    void *state;
    void *allocate, *release, *opaque;
    int data_type;
    unsigned long adler, reserved;
};

// Results.
enum { AXLE_ZLIB_OK = 0, AXLE_ZLIB_END = 1, AXLE_ZLIB_MEMORY = -4, AXLE_ZLIB_NO_PROGRESS = -5 };

// 1 if the library is there with all that is declared here. Safe from one thread at a time.
int axle_zlib_load(void);
const char *axle_zlib_version(void);
// A decoder of one gzip member (RFC 1952).
int axle_zlib_gunzip(struct axle_zlib_stream *stream);
int axle_zlib_inflate(struct axle_zlib_stream *stream);
// Ready for the next member.
int axle_zlib_inflate_reset(struct axle_zlib_stream *stream);
void axle_zlib_inflate_end(struct axle_zlib_stream *stream);

#endif
