#include "CLinux.h"
#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

int32_t ls_gettid(void) { return (int32_t)gettid(); }

// The kernel's iovec and ours are the same bytes.
_Static_assert(sizeof(struct ls_range) == sizeof(struct iovec), "64-bit only");
_Static_assert(offsetof(struct ls_range, length) == offsetof(struct iovec, iov_len), "same layout");

int64_t ls_process_vm_readv(
    int32_t pid, void *buffer, uint64_t length, const struct ls_range *ranges, uint64_t count) {
    struct iovec local = {buffer, length};
    ssize_t got = process_vm_readv(pid, &local, 1, (const struct iovec *)ranges, count, 0);
    return got < 0 ? -errno : got;
}
