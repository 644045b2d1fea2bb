#include "CZlib.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void *ls_deflater_new(int32_t window_bits) {
    z_stream *stream = calloc(1, sizeof *stream);
    if (stream && deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK)
        return stream;
    free(stream);
    return NULL;
}

void ls_deflater_free(void *deflater) {
    if (deflater) deflateEnd(deflater);
    free(deflater);
}

uint64_t ls_deflate_bound(void *deflater, uint64_t count) {
    // A sync flush adds an empty stored block.
    return deflateBound(deflater, count) + 16;
}

int64_t ls_deflate(void *deflater, const uint8_t *bytes, uint64_t count, uint8_t *out, uint64_t room) {
    z_stream *stream = deflater;
    if (count > UINT_MAX || room > UINT_MAX || deflateReset(stream) != Z_OK) return -1;
    stream->next_in = (Bytef *)bytes;
    stream->avail_in = (uInt)count;
    stream->next_out = out;
    stream->avail_out = (uInt)room;
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in || !stream->avail_out) return -1;
    uint64_t written = room - stream->avail_out;
    return written >= 4 ? (int64_t)(written - 4) : -1;
}

void *ls_inflater_new(void) {
    z_stream *stream = calloc(1, sizeof *stream);
    if (stream && inflateInit2(stream, -15) == Z_OK) return stream;
    free(stream);
    return NULL;
}

void ls_inflater_free(void *inflater) {
    if (inflater) inflateEnd(inflater);
    free(inflater);
}

void ls_inflate_begin(void *inflater) { inflateReset(inflater); }

int32_t ls_inflate(void *inflater, const uint8_t *bytes, uint64_t count, uint64_t *consumed, uint8_t *out,
                   uint64_t room, uint64_t *produced) {
    z_stream *stream = inflater;
    uInt given = count > UINT_MAX ? UINT_MAX : (uInt)count;
    uInt space = room > UINT_MAX ? UINT_MAX : (uInt)room;
    stream->next_in = (Bytef *)bytes;
    stream->avail_in = given;
    stream->next_out = out;
    stream->avail_out = space;
    int result = inflate(stream, Z_SYNC_FLUSH);
    *consumed += given - stream->avail_in;
    *produced += space - stream->avail_out;
    // A stream may end inside a message (BFINAL): what follows begins a new one.
    if (result == Z_STREAM_END) return inflateReset(stream) == Z_OK ? 0 : -1;
    return result == Z_OK || result == Z_BUF_ERROR ? 0 : -1;
}
