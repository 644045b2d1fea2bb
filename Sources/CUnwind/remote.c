// Unwinding a copied stack: registers and stack come from the copy, unwind tables from the process's files.
#include "CUnwind.h"
#include <errno.h>
#include <libunwind-ptrace.h>
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

struct ls_unwinder {
    int32_t pid;
    unw_addr_space_t space;
    void *tables;  // of libunwind-ptrace, which finds unwind tables through /proc/PID/maps
    uint64_t page_address;
    uint8_t page[4096];  // the last page read that is not stack: tables and code, which do not change
};

// libunwind hands its callbacks either our pointer or libunwind-ptrace's: what is being unwound is kept here instead.
static _Thread_local struct ls_unwinder *unwinder;
static _Thread_local const struct ls_thread_copy *copy;
static _Thread_local uint64_t stack_end;

#if defined(__x86_64__)
static const unw_regnum_t register_numbers[17] = {
    UNW_X86_64_R15, UNW_X86_64_R14, UNW_X86_64_R13, UNW_X86_64_R12, UNW_X86_64_RBP, UNW_X86_64_RBX,
    UNW_X86_64_R11, UNW_X86_64_R10, UNW_X86_64_R9,  UNW_X86_64_R8,  UNW_X86_64_RAX, UNW_X86_64_RCX,
    UNW_X86_64_RDX, UNW_X86_64_RSI, UNW_X86_64_RDI, UNW_X86_64_RIP, UNW_X86_64_RSP};
enum { STACK_POINTER = 16 };
#else
static const unw_regnum_t register_numbers[17] = {0};
enum { STACK_POINTER = 16 };
#endif

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *arg) {
    (void)space, (void)arg;
    if (write) return -UNW_EREADONLYREG;
    for (int index = 0; index < 17; index++) {
        if (register_numbers[index] == number) {
            *value = copy->registers[index];
            return 0;
        }
    }
    return -UNW_EBADREG;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *arg) {
    (void)space, (void)arg;
    if (write) return -UNW_EINVAL;
    uint64_t low = copy->registers[STACK_POINTER], offset = address - low;
    if (address >= low && copy->length >= 8 && offset <= copy->length - 8) {
        memcpy(value, copy->stack + offset, sizeof *value);
        return 0;
    }
    if (address >= low && address < stack_end) return -UNW_EINVAL;
    uint64_t page = address & ~UINT64_C(4095);
    if (address - page > 4096 - 8) {  // across two pages: rare, read as it is
        struct iovec local = {value, 8}, remote = {(void *)address, 8};
        return process_vm_readv(unwinder->pid, &local, 1, &remote, 1, 0) == 8 ? 0 : -UNW_EINVAL;
    }
    if (page != unwinder->page_address) {
        struct iovec local = {unwinder->page, 4096}, remote = {(void *)page, 4096};
        unwinder->page_address = page;
        if (process_vm_readv(unwinder->pid, &local, 1, &remote, 1, 0) != 4096) {
            unwinder->page_address = 1;
            return -UNW_EINVAL;
        }
    }
    memcpy(value, unwinder->page + (address - page), sizeof *value);
    return 0;
}

static int find_proc_info(
    unw_addr_space_t space, unw_word_t counter, unw_proc_info_t *info, int need, void *arg) {
    (void)arg;
    return _UPT_find_proc_info(space, counter, info, need, unwinder->tables);
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg) {
    (void)arg;
    _UPT_put_unwind_info(space, info, unwinder->tables);
}

static int no_dynamic_list(unw_addr_space_t space, unw_word_t *list, void *arg) {
    (void)space, (void)list, (void)arg;
    return -UNW_ENOINFO;
}

static int no_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write, void *arg) {
    (void)space, (void)number, (void)value, (void)write, (void)arg;
    return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg) {
    (void)space, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

static int no_name(
    unw_addr_space_t space, unw_word_t address, char *name, size_t length, unw_word_t *offset, void *arg) {
    (void)space, (void)address, (void)name, (void)length, (void)offset, (void)arg;
    return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
    .find_proc_info = find_proc_info,
    .put_unwind_info = put_unwind_info,
    .get_dyn_info_list_addr = no_dynamic_list,
    .access_mem = access_mem,
    .access_reg = access_reg,
    .access_fpreg = no_fpreg,
    .resume = no_resume,
    .get_proc_name = no_name,
};

ls_unwinder *ls_unwinder_create(int32_t pid) {
    ls_unwinder *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    made->pid = pid;
    made->page_address = 1;  // no page has this address
    made->space = unw_create_addr_space(&accessors, 0);
    made->tables = _UPT_create(pid);
    if (made->space == NULL || made->tables == NULL) {
        ls_unwinder_destroy(made);
        return NULL;
    }
    // Without the cache each step parses the tables again: 1.7 ms a stack instead of 10 us.
    unw_set_caching_policy(made->space, UNW_CACHE_GLOBAL);
    return made;
}

void ls_unwinder_destroy(ls_unwinder *old) {
    if (old->tables != NULL) _UPT_destroy(old->tables);
    if (old->space != NULL) unw_destroy_addr_space(old->space);
    free(old);
}

int32_t ls_unwind_copy(
    ls_unwinder *with, const struct ls_thread_copy *of, uint64_t end, uint64_t *counters, int32_t limit) {
    unwinder = with, copy = of, stack_end = end;
    unw_cursor_t cursor;
    int32_t count = 0;
    if (unw_init_remote(&cursor, with->space, with) == 0) {
        unw_word_t counter;
        while (count < limit && unw_get_reg(&cursor, UNW_REG_IP, &counter) == 0 && counter != 0) {
            counters[count++] = counter;
            if (unw_step(&cursor) <= 0) break;
        }
    }
    unwinder = NULL, copy = NULL;
    return count;
}
