#include "CLinux.h"
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

int32_t ls_gettid(void) { return (int32_t)gettid(); }

// The kernel's iovec and ours are the same bytes.
_Static_assert(sizeof(struct ls_range) == sizeof(struct iovec), "64-bit only");
_Static_assert(offsetof(struct ls_range, length) == offsetof(struct iovec, iov_len), "same layout");

int64_t ls_process_vm_readv(
    int32_t pid, const struct ls_range *local, uint64_t locals, const struct ls_range *ranges, uint64_t count) {
    ssize_t got =
        process_vm_readv(pid, (const struct iovec *)local, locals, (const struct iovec *)ranges, count, 0);
    return got < 0 ? -errno : got;
}

int32_t ls_set_timer_slack(uint64_t nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds) == 0 ? 0 : -errno;
}

int32_t ls_avoid_cpu(int32_t cpu) {
    cpu_set_t set;
    // The process's own mask, not the thread's: what an earlier call took away comes back.
    if (sched_getaffinity(getpid(), sizeof set, &set) != 0) return -errno;
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &set);
    if (CPU_COUNT(&set) == 0) return -EINVAL;
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

int32_t ls_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name) == 0 ? 0 : -errno; }
