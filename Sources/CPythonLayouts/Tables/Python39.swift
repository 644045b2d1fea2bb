extension PythonLayout {
    /// CPython 3.9, 64-bit, default build: from the headers of tag v3.9.18 (scripts/cpython-offsets).
    static let python39 = PythonLayout(
        minor: 9,
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
            size: 368, previous: 24, code: 32, instruction: 104, stackTop: 72, owner: nil, locals: 360, valueStack: 64,
            state: 116),
        // cpython/code.h PyCodeObject
        code: .init(
            names: 64, fileName: 104, name: 112, firstLine: 40, flags: 36, lineTable: 120, stackSize: 32,
            qualifiedName: nil, exceptionTable: nil, localNames: 72, localKinds: nil, bytecode: 48, firstTraceable: nil,
            cellNames: 88, freeNames: 80),
        // genobject.h PyCoroObject
        generator: .init(frame: 16, isFrameInline: false, state: nil, name: 48, qualifiedName: 56),
        // cpython/object.h PyTypeObject, PyHeapTypeObject
        type: .init(
            name: 24, basicSize: 32, flags: 168, dictOffset: 288, base: 256, dict: 264, mro: 344, cachedKeys: 864,
            qualifiedName: 856),
        // cpython/unicodeobject.h, tupleobject.h, longintrepr.h
        string: .init(ascii: 48, compact: 72),
        tupleItems: 24,
        isIntegerTagged: false,
        // cpython/funcobject.h, classobject.h
        function: .init(code: 16, qualifiedName: 104, dict: 72, module: 88, closure: 48),
        // internal/pycore_dict.h PyDictKeysObject, PyDictValues
        dict: .init(form: .lookup, values: 0),
        attributes: .dictOffset,
        // Modules/_asynciomodule.c TaskObj
        task: .init(loop: 16, state: 80, waiter: 144, coroutine: 152, name: 160, node: nil),
        opcodes: .python39)
}
