// What Glibc's Swift module hides. Each function returns a value, or -errno.
#ifndef LOOPSCOPE_CLINUX_H
#define LOOPSCOPE_CLINUX_H
#include <stdint.h>

/// gettid(2): the kernel's id of the calling thread.
int32_t ls_gettid(void);

/// A range of memory, here or in another process: `struct iovec` with an address that need not be a pointer here.
struct ls_range {
    uint64_t address;
    uint64_t length;
};

/// The processor's own count of time since some start, at a rate of its own: RDTSC (Intel SDM, volume 2B). It may be read a
/// little before what stands before it. 0 on processors of another kind.
static inline uint64_t ls_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

/// Whether that count goes on at one rate, whatever the processor does: CPUID 0x80000007, EDX bit 8, "invariant TSC" (Intel
/// SDM, volume 3B, 18.17.1).
int32_t ls_counter_is_steady(void);

/// process_vm_readv(2): the bytes of `ranges`, one after the other, fill the ranges `local` of our own memory, one after
/// the other, in one system call. Returns the bytes read, fewer than asked for when a range was not wholly readable.
int64_t ls_process_vm_readv(
    int32_t pid, const struct ls_range *local, uint64_t locals, const struct ls_range *ranges, uint64_t count);

/// process_vm_writev(2): the other way round. Returns the bytes written.
int64_t ls_process_vm_writev(
    int32_t pid, const struct ls_range *local, uint64_t locals, const struct ls_range *ranges, uint64_t count);

/// Has the calling thread run as soon as its sleeps end: prctl(2) PR_SET_TIMERSLACK, and by sched_setattr(2) the shortest
/// slice there is, so that it need not wait until another's is over, and a niceness of -5 where we may. Kernels before 6.12
/// have no such slices; a thread with a policy other than SCHED_OTHER keeps it. 0, or -errno of the former.
int32_t ls_be_punctual(void);

/// setpriority(2): gives the calling thread, and no other, a niceness of 5, so that those that must not be late go first.
int32_t ls_step_back(void);

/// prctl(2) PR_SET_NAME of the calling thread; cut after 15 bytes.
int32_t ls_set_thread_name(const char *name);

/// prctl(2) PR_SET_CHILD_SUBREAPER of this process: whether orphans among its descendants become its children. 0 or -errno.
int32_t ls_adopt_orphans(int32_t adopts);

/// sched_setaffinity(2): keeps the calling thread off a CPU that it may use, and lets it back on the one that it was kept off
/// before; -1 does only that. -EINVAL when none would be left.
int32_t ls_avoid_cpu(int32_t cpu);

/// ptrace(2): seizes a thread of another process and has it stop, waiting at most `timeout` nanoseconds. With `resumes` it
/// was seized before and goes on being waited for. `signal` becomes the signal it was about to get, or 0.
/// 0; -ETIMEDOUT when it has not stopped: it stays seized; -ESRCH when it has ended; or -errno.
int32_t ls_stop_thread(int32_t tid, int32_t resumes, int64_t timeout, int32_t *signal);

/// Lets a stopped thread go, with a signal it was about to get, or 0. 0 or -errno.
int32_t ls_release_thread(int32_t tid, int32_t signal);

/// madvise(2) MADV_DONTNEED of the read-only segments of the program and its libraries: pages that only starting needed
/// are no longer resident, those that are needed come back from the page cache. Returns the bytes of those segments.
int64_t ls_release_program_pages(void);

/// malloc_trim(3): gives memory back to the kernel that was freed and is not used again.
void ls_release_freed_memory(void);

/// mallopt(3) M_MMAP_THRESHOLD: from now on blocks of 128 KB and more go back to the kernel when they are freed. Otherwise the
/// C library raises that bound to what was freed before, and large blocks that come and go stay resident. 0 or -EINVAL.
int32_t ls_return_large_memory(void);

#endif
