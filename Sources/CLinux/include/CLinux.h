// What Glibc's Swift module hides. Each function returns a value, or -errno.
#ifndef LOOPSCOPE_CLINUX_H
#define LOOPSCOPE_CLINUX_H
#include <stdint.h>

/// gettid(2): the kernel's id of the calling thread.
int32_t ls_gettid(void);

#endif
