#include "CLinux.h"
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

int32_t ls_gettid(void) { return (int32_t)gettid(); }

int32_t ls_counter_is_steady(void) {
#if defined(__x86_64__)
    uint32_t a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1 << 8);
#else
    return 0;
#endif
}

// The kernel's iovec and ours are the same bytes.
_Static_assert(sizeof(struct ls_range) == sizeof(struct iovec), "64-bit only");
_Static_assert(offsetof(struct ls_range, length) == offsetof(struct iovec, iov_len), "same layout");

int64_t ls_process_vm_readv(
    int32_t pid, const struct ls_range *local, uint64_t locals, const struct ls_range *ranges, uint64_t count) {
    ssize_t got =
        process_vm_readv(pid, (const struct iovec *)local, locals, (const struct iovec *)ranges, count, 0);
    return got < 0 ? -errno : got;
}

int64_t ls_process_vm_writev(
    int32_t pid, const struct ls_range *local, uint64_t locals, const struct ls_range *ranges, uint64_t count) {
    ssize_t put =
        process_vm_writev(pid, (const struct iovec *)local, locals, (const struct iovec *)ranges, count, 0);
    return put < 0 ? -errno : put;
}

// The first version of struct sched_attr (include/uapi/linux/sched/types.h), which glibc 2.36 does not have.
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

int32_t ls_step_back(void) { return setpriority(PRIO_PROCESS, 0, 5) == 0 ? 0 : -errno; }

int32_t ls_be_punctual(void) {
    struct scheduling now = {.size = sizeof now};
    if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0 && now.policy == SCHED_OTHER) {
        now.size = sizeof now;
        now.runtime = 100000;  // nanoseconds; kernel/sched/syscalls.c takes no less
        int32_t nice = now.nice;
        if (nice > -5) now.nice = -5;
        if (syscall(SYS_sched_setattr, 0, &now, 0) != 0) {
            now.nice = nice;
            (void)syscall(SYS_sched_setattr, 0, &now, 0);
        }
    }
    return prctl(PR_SET_TIMERSLACK, 1UL) == 0 ? 0 : -errno;
}

int32_t ls_adopt_orphans(int32_t adopts) { return prctl(PR_SET_CHILD_SUBREAPER, adopts) == 0 ? 0 : -errno; }

int32_t ls_avoid_cpu(int32_t cpu) {
    static _Thread_local int32_t avoided = -1;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -errno;
    // What an earlier call took away comes back.
    if (avoided >= 0) CPU_SET(avoided, &set);
    int32_t avoids = cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set) ? cpu : -1;
    if (avoids >= 0) CPU_CLR(avoids, &set);
    if (CPU_COUNT(&set) == 0) return -EINVAL;
    if (sched_setaffinity(0, sizeof set, &set) != 0) return -errno;
    avoided = avoids;
    return 0;
}

int32_t ls_set_thread_name(const char *name) { return prctl(PR_SET_NAME, name) == 0 ? 0 : -errno; }

static int64_t monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int32_t ls_release_thread(int32_t tid, int32_t signal) {
    return ptrace(PTRACE_DETACH, tid, 0, (long)signal) == 0 ? 0 : -errno;
}

int32_t ls_stop_thread(int32_t tid, int32_t resumes, int64_t timeout, int32_t *signal) {
    // Without options: what we have seized is let go when we end, however we end.
    if (!resumes) {
        if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0) return -errno;
        if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0) return -errno;
    }
    int64_t start = monotonic();
    int status;
    pid_t got;
    // A thread on another CPU stops within some 10 us. One that shares ours must be let run to stop.
    while ((got = waitpid(tid, &status, __WALL | WNOHANG)) == 0) {
        int64_t waited = monotonic() - start;
        if (waited > timeout) return -ETIMEDOUT;
        if (waited > 2000000) nanosleep(&(struct timespec){0, 100000}, NULL);
        else if (waited > 20000) sched_yield();
    }
    if (got < 0) return -errno;
    if (!WIFSTOPPED(status)) return -ESRCH;
    // The stop of our own interrupt is an event; anything else is a signal that is passed on.
    *signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    return 0;
}

// Called by dl_iterate_phdr(3) for the program and each library.
static int release_segments(struct dl_phdr_info *object, size_t size, void *released) {
    (void)size;
    // The kernel's own page is no file.
    if (strncmp(object->dlpi_name, "linux-vdso", 10) == 0) return 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        // What was never written is in its file as it is in memory.
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        uint64_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uint64_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);
        if (madvise((void *)start, end - start, MADV_DONTNEED) == 0) *(int64_t *)released += (int64_t)(end - start);
    }
    return 0;
}

int64_t ls_release_program_pages(void) {
    int64_t released = 0;
    dl_iterate_phdr(release_segments, &released);
    return released;
}

void ls_release_freed_memory(void) { malloc_trim(0); }

int32_t ls_return_large_memory(void) { return mallopt(M_MMAP_THRESHOLD, 128 << 10) == 1 ? 0 : -EINVAL; }
