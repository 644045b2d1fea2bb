#ifndef C_THREAD_USER_H
#define C_THREAD_USER_H

#include <stdint.h>

/// Makes the calling thread, and no other of the process, an ordinary user's: user and group `id`, no other groups, no
/// capabilities. glibc's own calls would change all threads. 0 or -errno.
int ctu_become(uint32_t id);

#endif
