extension PythonLayout {
    /// CPython 3.11, 64-bit, default build: from the headers of tag v3.11.7 (scripts/cpython-offsets).
    static let python311 = PythonLayout(
        minor: 11,
        // internal/pycore_runtime.h _PyRuntimeState
        runtime: .init(interpretersHead: 40, gil: 360),
        // internal/pycore_interp.h PyInterpreterState
        interpreter: .init(
            next: 0, threadsHead: 16, modules: 888, collector: 648, gilPointer: nil, tasksHead: nil),
        // internal/pycore_gil.h _gil_runtime_state
        gil: .init(lastHolder: 8, locked: 16),
        // internal/pycore_gc.h _gc_runtime_state
        collector: .init(generations: 24, collecting: 200),
        // cpython/pystate.h PyThreadState
        thread: .init(
            next: 8, identifier: 152, nativeIdentifier: 160, frame: 56, cframeCurrent: 8,
            stackChunk: 296, tasksHead: nil),
        // internal/pycore_frame.h _PyInterpreterFrame
        frame: .init(
            size: 80, previous: 48, code: 32, instruction: 56, stackTop: 64, owner: 69, locals: 72, valueStack: nil,
            state: nil),
        // cpython/code.h PyCodeObject
        code: .init(
            names: 32, fileName: 112, name: 120, firstLine: 72, flags: 48, lineTable: 136, stackSize: 68,
            qualifiedName: 128, exceptionTable: 40, localNames: 96, localKinds: 104, bytecode: 184, firstTraceable: 168,
            cellNames: nil, freeNames: nil),
        // cpython/genobject.h PyCoroObject
        generator: .init(frame: 80, isFrameInline: true, state: 75, name: 32, qualifiedName: 40),
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
        dict: .init(form: .compact, values: 0),
        attributes: .twoWords,
        // Modules/_asynciomodule.c TaskObj
        task: .init(loop: 16, state: 88, waiter: 128, coroutine: 136, name: 144, node: nil),
        opcodes: .python311)
}
