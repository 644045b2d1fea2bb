// libelf, for reading. Its function-like macros are not imported into Swift and not needed.
#ifndef LOOPSCOPE_CELF_H
#define LOOPSCOPE_CELF_H
#include <gelf.h>
#include <libelf.h>

/// The size a compressed section claims to have when inflated; 0 when it is not compressed.
/// Asked before inflating: the claim is the file's own, and may be a bomb.
uint64_t ls_elf_inflated_size(Elf_Scn *section);

/// Inflates a compressed section in memory; 0, or -1 when it cannot be.
int ls_elf_inflate(Elf_Scn *section);

#endif
