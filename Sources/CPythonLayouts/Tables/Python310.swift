extension PythonLayout {
    /// CPython 3.10, 64-bit, default build: from the headers of tag v3.10.13 (scripts/cpython-offsets).
    static let python310 = PythonLayout(
        minor: 10,
        // internal/pycore_runtime.h _PyRuntimeState
        runtime: .init(interpretersHead: 32, gil: 352),
        // internal/pycore_interp.h PyInterpreterState
        interpreter: .init(
            next: 0, threadsHead: 8, modules: 856, collector: 616, gilPointer: nil, tasksHead: nil),
        // internal/pycore_gil.h _gil_runtime_state
        gil: .init(lastHolder: 8, locked: 16),
        // internal/pycore_gc.h _gc_runtime_state
        collector: .init(generations: 24, collecting: 200),
        // cpython/pystate.h PyThreadState
        thread: .init(
            next: 8, identifier: 176, nativeIdentifier: nil, frame: 24, cframeCurrent: nil,
            stackChunk: nil, tasksHead: nil),
        // cpython/frameobject.h PyFrameObject
        frame: .init(
            size: 360, previous: 24, code: 32, instruction: 96, stackTop: 80, owner: nil, locals: 352, valueStack: 64,
            state: 108),
        // cpython/code.h PyCodeObject
        code: .init(
            names: 64, fileName: 104, name: 112, firstLine: 40, flags: 36, lineTable: 120, stackSize: 32,
            qualifiedName: nil, exceptionTable: nil, localNames: 72, localKinds: nil, bytecode: 48, firstTraceable: nil,
            cellNames: 88, freeNames: 80),
        // genobject.h PyCoroObject
        generator: .init(frame: 16, isFrameInline: false, state: nil, name: 40, qualifiedName: 48),
        // cpython/object.h PyTypeObject, PyHeapTypeObject
        type: .init(
            name: 24, basicSize: 32, flags: 168, dictOffset: 288, base: 256, dict: 264, mro: 344, cachedKeys: 872,
            qualifiedName: 864),
        // cpython/unicodeobject.h, tupleobject.h, longintrepr.h
        string: .init(ascii: 48, compact: 72),
        tupleItems: 24,
        isIntegerTagged: false,
        // cpython/funcobject.h, classobject.h
        function: .init(code: 48, qualifiedName: 40, dict: 88, module: 104, closure: 72),
        // internal/pycore_dict.h PyDictKeysObject, PyDictValues
        dict: .init(form: .lookup, values: 0),
        attributes: .dictOffset,
        // Modules/_asynciomodule.c TaskObj
        task: .init(loop: 16, state: 88, waiter: 152, coroutine: 160, name: 168, node: nil),
        opcodes: .python310)
}
