// A thread of another process, copied in one short stop.
#include "CUnwind.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

#if defined(__x86_64__)
static int32_t copy_stopped(int32_t pid, int32_t tid, struct ls_thread_copy *copy) {
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, tid, 0, &r) != 0) return -errno;
    const uint64_t registers[17] = {r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9,
                                    r.r8,  r.rax, r.rcx, r.rdx, r.rsi, r.rdi, r.rip, r.rsp};
    for (int index = 0; index < 17; index++) copy->registers[index] = registers[index];
    // The end of the stack may come sooner: what could be read is what there is.
    struct iovec local = {copy->stack, LS_STACK_COPY}, remote = {(void *)r.rsp, LS_STACK_COPY};
    ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    copy->length = got < 0 ? 0 : (uint64_t)got;
    return got < 0 ? -errno : 0;
}

static int32_t stop_and_copy(int32_t pid, int32_t tid, struct ls_thread_copy *copy, int64_t timeout_ns) {
    if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0) return -errno;
    int64_t start = now();
    if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0) {
        int32_t error = -errno;
        ptrace(PTRACE_DETACH, tid, 0, 0);
        return error;
    }
    int status;
    pid_t got;
    // Stopping takes some 10 us on another CPU. A thread that shares ours must be let run to stop, and one in
    // uninterruptible sleep takes as long as it likes: so yield, then sleep, but never wait without end.
    while ((got = waitpid(tid, &status, __WALL | WNOHANG)) == 0) {
        int64_t waited = now() - start;
        if (waited > timeout_ns) break;
        if (waited > 2000000) nanosleep(&(struct timespec){0, 100000}, NULL);
        else if (waited > 20000) sched_yield();
    }
    if (got < 0) return -errno;
    if (got == 0) return -ETIMEDOUT;
    if (!WIFSTOPPED(status)) return -ESRCH;
    int32_t result = copy_stopped(pid, tid, copy);
    // A signal that was just being delivered is passed on; the event of our own interrupt is none.
    long signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
    ptrace(PTRACE_DETACH, tid, 0, signal);
    copy->stopped_ns = now() - start;
    return result;
}
#else
static int32_t stop_and_copy(int32_t pid, int32_t tid, struct ls_thread_copy *copy, int64_t timeout_ns) {
    (void)pid, (void)tid, (void)copy, (void)timeout_ns, (void)now;
    return -ENOSYS;
}
#endif

struct job {
    int32_t pid, tid, result;
    struct ls_thread_copy *copy;
    int64_t timeout_ns;
};

static void *run(void *argument) {
    struct job *job = argument;
    job->result = stop_and_copy(job->pid, job->tid, job->copy, job->timeout_ns);
    return NULL;
}

// ptrace belongs to a thread, and what that thread has seized is let go when it ends: a thread of the target that did
// not stop in time is not left to stop later, with nobody to let it run.
int32_t ls_copy_thread(int32_t pid, int32_t tid, struct ls_thread_copy *copy, int64_t timeout_ns) {
    struct job job = {.pid = pid, .tid = tid, .copy = copy, .timeout_ns = timeout_ns};
    pthread_t tracer;
    int error = pthread_create(&tracer, NULL, run, &job);
    if (error != 0) return -error;
    pthread_join(tracer, NULL);
    return job.result;
}
