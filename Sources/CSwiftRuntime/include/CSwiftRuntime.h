// The Swift runtime's own demangler, which it exports for C (stdlib/public/SwiftDemangle).
#ifndef LOOPSCOPE_CSWIFTRUNTIME_H
#define LOOPSCOPE_CSWIFTRUNTIME_H
#include <stdint.h>

/// Demangles `length` bytes of a symbol into a string made with malloc, or NULL when it is not a Swift symbol.
char *ls_swift_demangle(const char *symbol, uint64_t length);

#endif
