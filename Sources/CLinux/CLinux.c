#include "CLinux.h"
#include <unistd.h>

int32_t ls_gettid(void) { return (int32_t)gettid(); }
