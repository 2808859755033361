#include "CZstd.h"

#include <dlfcn.h>

static unsigned (*version)(void);
static unsigned (*is_error)(size_t);
static int (*error_code)(size_t);
static const char *(*error_name)(size_t);
static void *(*create_c)(void);
static size_t (*free_c)(void *);
static size_t (*set_c)(void *, int, int);
static size_t (*pledge)(void *, unsigned long long);
static size_t (*prefix_c)(void *, const void *, size_t);
static size_t (*compress)(void *, struct axle_zstd_out *, struct axle_zstd_in *, int);
static void *(*create_d)(void);
static size_t (*free_d)(void *);
static size_t (*set_d)(void *, int, int);
static size_t (*prefix_d)(void *, const void *, size_t);
static size_t (*decompress)(void *, struct axle_zstd_out *, struct axle_zstd_in *);
static size_t (*pack)(void *, void *, size_t, const void *, size_t, int);
static size_t (*unpack)(void *, void *, size_t, const void *, size_t);

int axle_zstd_load(void) {
    void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    return (version = dlsym(library, "ZSTD_versionNumber")) && (is_error = dlsym(library, "ZSTD_isError")) &&
           (error_code = dlsym(library, "ZSTD_getErrorCode")) && (error_name = dlsym(library, "ZSTD_getErrorName")) &&
           (create_c = dlsym(library, "ZSTD_createCCtx")) && (free_c = dlsym(library, "ZSTD_freeCCtx")) &&
           (set_c = dlsym(library, "ZSTD_CCtx_setParameter")) &&
           (pledge = dlsym(library, "ZSTD_CCtx_setPledgedSrcSize")) &&
           (prefix_c = dlsym(library, "ZSTD_CCtx_refPrefix")) &&
           (compress = dlsym(library, "ZSTD_compressStream2")) && (create_d = dlsym(library, "ZSTD_createDCtx")) &&
           (free_d = dlsym(library, "ZSTD_freeDCtx")) && (set_d = dlsym(library, "ZSTD_DCtx_setParameter")) &&
           (prefix_d = dlsym(library, "ZSTD_DCtx_refPrefix")) &&
           (decompress = dlsym(library, "ZSTD_decompressStream")) && (pack = dlsym(library, "ZSTD_compressCCtx")) &&
           (unpack = dlsym(library, "ZSTD_decompressDCtx")) && version() >= 10405;
}

unsigned axle_zstd_version(void) { return version(); }
int axle_zstd_error(size_t result) { return is_error(result) ? error_code(result) : 0; }
const char *axle_zstd_error_text(size_t result) { return error_name(result); }

void *axle_zstd_compressor(void) { return create_c(); }
void axle_zstd_compressor_free(void *compressor) { free_c(compressor); }
size_t axle_zstd_compressor_set(void *compressor, int parameter, int value) {
    return set_c(compressor, parameter, value);
}
size_t axle_zstd_compressor_pledge(void *compressor, unsigned long long length) { return pledge(compressor, length); }
size_t axle_zstd_compressor_prefix(void *compressor, const void *bytes, size_t count) {
    return prefix_c(compressor, bytes, count);
}
size_t axle_zstd_compress(void *compressor, struct axle_zstd_out *out, struct axle_zstd_in *in, int directive) {
    return compress(compressor, out, in, directive);
}

void *axle_zstd_decompressor(void) { return create_d(); }
void axle_zstd_decompressor_free(void *decompressor) { free_d(decompressor); }
size_t axle_zstd_decompressor_set(void *decompressor, int parameter, int value) {
    return set_d(decompressor, parameter, value);
}
size_t axle_zstd_decompressor_prefix(void *decompressor, const void *bytes, size_t count) {
    return prefix_d(decompressor, bytes, count);
}
size_t axle_zstd_decompress(void *decompressor, struct axle_zstd_out *out, struct axle_zstd_in *in) {
    return decompress(decompressor, out, in);
}
size_t axle_zstd_pack(void *compressor, void *out, size_t room, const void *bytes, size_t count, int level) {
    return pack(compressor, out, room, bytes, count, level);
}
size_t axle_zstd_unpack(void *decompressor, void *out, size_t room, const void *bytes, size_t count) {
    return unpack(decompressor, out, room, bytes, count);
}
