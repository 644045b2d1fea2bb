// zlib for whole messages of permessage-deflate (RFC 7692): raw deflate, no context kept between messages.
// zlib's own init functions are macros, which Swift does not import.
#ifndef LOOPSCOPE_CZLIB_H
#define LOOPSCOPE_CZLIB_H
#include <stdint.h>

/// A compressor with a window of 2^window_bits bytes (9 to 15), or NULL.
void *ls_deflater_new(int32_t window_bits);
void ls_deflater_free(void *deflater);
/// Most bytes that `ls_deflate` writes for `count` bytes.
uint64_t ls_deflate_bound(void *deflater, uint64_t count);
/// Compresses one message without its last four bytes 00 00 FF FF (RFC 7692 section 7.2.1).
/// Returns the bytes written, or -1 when there is no room.
int64_t ls_deflate(void *deflater, const uint8_t *bytes, uint64_t count, uint8_t *out, uint64_t room);

/// A decompressor, or NULL.
void *ls_inflater_new(void);
void ls_inflater_free(void *inflater);
/// Begins a message.
void ls_inflate_begin(void *inflater);
/// Decompresses a piece: advances *consumed and *produced. Returns 0, or -1 for data that is no deflate stream.
int32_t ls_inflate(void *inflater, const uint8_t *bytes, uint64_t count, uint64_t *consumed, uint8_t *out,
                   uint64_t room, uint64_t *produced);

#endif
