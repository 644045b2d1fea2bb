#include "CSwiftRuntime.h"
#include <stddef.h>

extern char *swift_demangle(
    const char *symbol, size_t length, char *buffer, size_t *bufferSize, uint32_t flags);

char *ls_swift_demangle(const char *symbol, uint64_t length) {
    return swift_demangle(symbol, length, NULL, NULL, 0);
}
