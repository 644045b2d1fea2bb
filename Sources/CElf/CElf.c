#include "CElf.h"
#include <stddef.h>

uint64_t ls_elf_inflated_size(Elf_Scn *section) {
    GElf_Chdr header;
    return gelf_getchdr(section, &header) == NULL ? 0 : header.ch_size;
}

int ls_elf_inflate(Elf_Scn *section) { return elf_compress(section, 0, 0) < 0 ? -1 : 0; }
