// libunwind behind plain types: its own names are macros, which Swift does not import.
#ifndef LOOPSCOPE_CUNWIND_H
#define LOOPSCOPE_CUNWIND_H
#include <stdint.h>

// Our own process: one thread asks another, through a signal, for its stack.

/// Installs the handler on a free realtime signal. Returns the signal, or -errno. Once a process, before any capture.
int32_t ls_capture_install(void);

/// Lets the calling thread receive that signal, which threads started from a dispatch queue block. 0 or -errno.
int32_t ls_capture_admit(void);

/// The program counters of thread `tid` of our own process, innermost first. One caller at a time.
///
/// Returns how many were written, at most `limit` and 512; -ETIMEDOUT when the thread did not answer in time;
/// -ESRCH when there is no such thread.
int32_t ls_capture_thread(int32_t tid, uint64_t *counters, int32_t limit, int64_t timeout_ns);

// Another process: registers and a copy of the stack, taken in one short stop, unwound after it runs again.

/// The most bytes of stack that are copied.
#define LS_STACK_COPY 65536

/// A thread at one instant.
struct ls_thread_copy {
    /// x86-64: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi, rip, rsp.
    uint64_t registers[17];
    /// Bytes of `stack` that are good; the first is at `registers[16]`.
    uint64_t length;
    /// How long the thread was stopped.
    int64_t stopped_ns;
    uint8_t stack[LS_STACK_COPY];
};

/// Stops a thread (PTRACE_SEIZE, PTRACE_INTERRUPT), copies it, lets it run. Everything happens on one thread made for
/// it, to which ptrace belongs. Returns 0 or -errno; -ETIMEDOUT when the thread does not stop (uninterruptible sleep).
int32_t ls_copy_thread(int32_t pid, int32_t tid, struct ls_thread_copy *copy, int64_t timeout_ns);

/// What libunwind knows of a process: a cache of unwind tables, shared by all samples. One thread at a time.
typedef struct ls_unwinder ls_unwinder;

/// Makes one, or returns NULL.
ls_unwinder *ls_unwinder_create(int32_t pid);
/// Frees it.
void ls_unwinder_destroy(ls_unwinder *unwinder);

/// The program counters of a copy, innermost first. Memory from the end of the copy up to `stack_end` is not looked
/// at, since it has changed since. Returns how many were written.
int32_t ls_unwind_copy(
    ls_unwinder *unwinder, const struct ls_thread_copy *copy, uint64_t stack_end, uint64_t *counters,
    int32_t limit);

#endif
