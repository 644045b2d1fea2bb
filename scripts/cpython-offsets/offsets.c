// Prints the offset table of the CPython whose headers it is compiled against, as Swift.
// Usage: scripts/cpython-offsets/make PYTHON, which also passes what no header says (TaskObj) as macros.
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_frame.h>
#include <internal/pycore_code.h>
#else
#include <frameobject.h>
#endif
#include <internal/pycore_runtime.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_gc.h>
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_interpframe_structs.h>
#include <internal/pycore_runtime_structs.h>
#include <internal/pycore_interp_structs.h>
#include <internal/pycore_tstate.h>
#endif
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_dict.h>
#endif

#define O(type, member) ((int)offsetof(type, member))

int main(void) {
    int minor = PY_MINOR_VERSION;
    printf("extension PythonLayout {\n");
    printf("    /// CPython 3.%d, 64-bit, default build: from the headers of tag v%s (scripts/cpython-offsets).\n", minor,
           PY_VERSION);
    printf("    static let python3%d = PythonLayout(\n        minor: %d,\n", minor, minor);

    printf("        // internal/pycore_runtime.h _PyRuntimeState\n");
    printf("        runtime: .init(interpretersHead: %d, ", O(_PyRuntimeState, interpreters.head));
#if PY_VERSION_HEX < 0x030c0000
    printf("gil: %d),\n", O(_PyRuntimeState, ceval.gil));
#else
    printf("gil: nil),\n");
#endif

    printf("        // internal/pycore_interp.h PyInterpreterState\n        interpreter: .init(\n");
    printf("            next: %d, ", O(PyInterpreterState, next));
#if PY_VERSION_HEX >= 0x030b0000
    printf("threadsHead: %d, ", O(PyInterpreterState, threads.head));
#else
    printf("threadsHead: %d, ", O(PyInterpreterState, tstate_head));
#endif
#if PY_VERSION_HEX >= 0x030c0000
    printf("modules: %d, collector: %d, ", O(PyInterpreterState, imports.modules), O(PyInterpreterState, gc));
    printf("gilPointer: %d, ", O(PyInterpreterState, ceval.gil));
#else
    printf("modules: %d, collector: %d, gilPointer: nil, ", O(PyInterpreterState, modules), O(PyInterpreterState, gc));
#endif
#if PY_VERSION_HEX >= 0x030e0000
    printf("tasksHead: %d),\n", O(PyInterpreterState, asyncio_tasks_head));
#else
    printf("tasksHead: nil),\n");
#endif

    printf("        // internal/pycore_gil.h _gil_runtime_state\n        gil: .init(lastHolder: %d, locked: %d),\n",
           O(struct _gil_runtime_state, last_holder), O(struct _gil_runtime_state, locked));
    printf("        // internal/pycore_gc.h _gc_runtime_state\n        collector: .init(generations: %d, collecting: %d),\n",
           O(struct _gc_runtime_state, generations),
           O(struct _gc_runtime_state, collecting));

    printf("        // cpython/pystate.h PyThreadState\n        thread: .init(\n            next: %d, identifier: %d, ",
           O(PyThreadState, next), O(PyThreadState, thread_id));
#if PY_VERSION_HEX >= 0x030d0000
    printf("nativeIdentifier: %d, frame: %d, cframeCurrent: nil,\n            stackChunk: %d, ",
           O(PyThreadState, native_thread_id), O(PyThreadState, current_frame), O(PyThreadState, datastack_chunk));
#elif PY_VERSION_HEX >= 0x030b0000
    printf("nativeIdentifier: %d, frame: %d, cframeCurrent: %d,\n            stackChunk: %d, ",
           O(PyThreadState, native_thread_id), O(PyThreadState, cframe), O(_PyCFrame, current_frame),
           O(PyThreadState, datastack_chunk));
#else
    printf("nativeIdentifier: nil, frame: %d, cframeCurrent: nil,\n            stackChunk: nil, ", O(PyThreadState, frame));
#endif
#if PY_VERSION_HEX >= 0x030e0000
    printf("tasksHead: %d),\n", O(_PyThreadStateImpl, asyncio_tasks_head));
#else
    printf("tasksHead: nil),\n");
#endif

#if PY_VERSION_HEX >= 0x030b0000
    printf("        // internal/pycore_frame.h _PyInterpreterFrame\n        frame: .init(\n            size: %d, previous: %d, ",
           (int)sizeof(_PyInterpreterFrame), O(_PyInterpreterFrame, previous));
#if PY_VERSION_HEX >= 0x030d0000
    printf("code: %d, instruction: %d, ", O(_PyInterpreterFrame, f_executable), O(_PyInterpreterFrame, instr_ptr));
#else
    printf("code: %d, instruction: %d, ", O(_PyInterpreterFrame, f_code), O(_PyInterpreterFrame, prev_instr));
#endif
#if PY_VERSION_HEX >= 0x030e0000
    printf("stackTop: %d, ", O(_PyInterpreterFrame, stackpointer));
#else
    printf("stackTop: %d, ", O(_PyInterpreterFrame, stacktop));
#endif
    printf("owner: %d, locals: %d, valueStack: nil, state: nil),\n", O(_PyInterpreterFrame, owner),
           O(_PyInterpreterFrame, localsplus));
#else
    printf("        // cpython/frameobject.h PyFrameObject\n        frame: .init(\n            size: %d, previous: %d, ",
           (int)sizeof(PyFrameObject), O(PyFrameObject, f_back));
    printf("code: %d, instruction: %d, ", O(PyFrameObject, f_code), O(PyFrameObject, f_lasti));
#if PY_VERSION_HEX >= 0x030a0000
    printf("stackTop: %d, owner: nil, locals: %d, valueStack: %d, state: %d),\n", O(PyFrameObject, f_stackdepth),
           O(PyFrameObject, f_localsplus), O(PyFrameObject, f_valuestack), O(PyFrameObject, f_state));
#else
    printf("stackTop: %d, owner: nil, locals: %d, valueStack: %d, state: %d),\n", O(PyFrameObject, f_stacktop),
           O(PyFrameObject, f_localsplus), O(PyFrameObject, f_valuestack), O(PyFrameObject, f_executing));
#endif
#endif

    printf("        // cpython/code.h PyCodeObject\n        code: .init(\n            names: %d, fileName: %d, name: %d, firstLine: %d, flags: %d, ",
           O(PyCodeObject, co_names),
           O(PyCodeObject, co_filename), O(PyCodeObject, co_name), O(PyCodeObject, co_firstlineno), O(PyCodeObject, co_flags));
#if PY_VERSION_HEX >= 0x030b0000
    printf("lineTable: %d, stackSize: %d,\n", O(PyCodeObject, co_linetable), O(PyCodeObject, co_stacksize));
    printf("            qualifiedName: %d, exceptionTable: %d, localNames: %d, localKinds: %d, bytecode: %d, firstTraceable: %d,\n"
           "            cellNames: nil, freeNames: nil),\n",
           O(PyCodeObject, co_qualname), O(PyCodeObject, co_exceptiontable), O(PyCodeObject, co_localsplusnames),
           O(PyCodeObject, co_localspluskinds), O(PyCodeObject, co_code_adaptive), O(PyCodeObject, _co_firsttraceable));
#else
#if PY_VERSION_HEX >= 0x030a0000
    printf("lineTable: %d, stackSize: %d,\n", O(PyCodeObject, co_linetable), O(PyCodeObject, co_stacksize));
#else
    printf("lineTable: %d, stackSize: %d,\n", O(PyCodeObject, co_lnotab), O(PyCodeObject, co_stacksize));
#endif
    printf("            qualifiedName: nil, exceptionTable: nil, localNames: %d, localKinds: nil, bytecode: %d, firstTraceable: nil,\n"
           "            cellNames: %d, freeNames: %d),\n",
           O(PyCodeObject, co_varnames), O(PyCodeObject, co_code), O(PyCodeObject, co_cellvars), O(PyCodeObject, co_freevars));
#endif

#if PY_VERSION_HEX >= 0x030b0000
    printf("        // cpython/genobject.h PyCoroObject\n        generator: .init(frame: %d, isFrameInline: true, state: %d, name: %d, qualifiedName: %d),\n",
           O(PyCoroObject, cr_iframe), O(PyCoroObject, cr_frame_state), O(PyCoroObject, cr_name), O(PyCoroObject, cr_qualname));
#else
    printf("        // genobject.h PyCoroObject\n        generator: .init(frame: %d, isFrameInline: false, state: nil, name: %d, qualifiedName: %d),\n",
           O(PyCoroObject, cr_frame), O(PyCoroObject, cr_name), O(PyCoroObject, cr_qualname));
#endif

    printf("        // cpython/object.h PyTypeObject, PyHeapTypeObject\n        type: .init(\n"
           "            name: %d, basicSize: %d, flags: %d, dictOffset: %d, base: %d, dict: %d, mro: %d, cachedKeys: %d, qualifiedName: %d),\n",
           O(PyTypeObject, tp_name), O(PyTypeObject, tp_basicsize), O(PyTypeObject, tp_flags), O(PyTypeObject, tp_dictoffset),
           O(PyTypeObject, tp_base), O(PyTypeObject, tp_dict), O(PyTypeObject, tp_mro), O(PyHeapTypeObject, ht_cached_keys),
           O(PyHeapTypeObject, ht_qualname));
    printf("        // cpython/unicodeobject.h, tupleobject.h, longintrepr.h\n        string: .init(ascii: %d, compact: %d),\n        tupleItems: %d,\n        isIntegerTagged: %s,\n",
           (int)sizeof(PyASCIIObject), (int)sizeof(PyCompactUnicodeObject), O(PyTupleObject, ob_item),
           PY_VERSION_HEX >= 0x030c0000 ? "true" : "false");
    printf("        // cpython/funcobject.h, classobject.h\n        function: .init(code: %d, qualifiedName: %d, dict: %d, module: %d, closure: %d),\n",
           O(PyFunctionObject, func_code), O(PyFunctionObject, func_qualname), O(PyFunctionObject, func_dict),
           O(PyFunctionObject, func_module), O(PyFunctionObject, func_closure));

    printf("        // internal/pycore_dict.h PyDictKeysObject, PyDictValues\n");
#if PY_VERSION_HEX >= 0x030b0000
    printf("        dict: .init(form: .compact, values: %d),\n", O(PyDictValues, values));
#else
    printf("        dict: .init(form: .lookup, values: 0),\n");
#endif
#if PY_VERSION_HEX >= 0x030d0000
    printf("        attributes: .inline,\n");
#elif PY_VERSION_HEX >= 0x030c0000
    printf("        attributes: .taggedWord,\n");
#elif PY_VERSION_HEX >= 0x030b0000
    printf("        attributes: .twoWords,\n");
#else
    printf("        attributes: .dictOffset,\n");
#endif
    printf("        // Modules/_asynciomodule.c TaskObj\n        task: .init(loop: 16, state: %d, waiter: %d, coroutine: %d, name: %d, node: %s),\n",
           TASK_STATE, TASK_WAITER, TASK_CORO, TASK_NAME, TASK_NODE);
    printf("        opcodes: .python3%d)\n}\n", minor);
    return 0;
}
