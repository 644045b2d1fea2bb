extension PythonLayout {
    /// CPython 3.12, 64-bit, default build: from the headers of tag v3.12.1 (scripts/cpython-offsets).
    static let python312 = PythonLayout(
        minor: 12,
        // internal/pycore_runtime.h _PyRuntimeState
        runtime: .init(interpretersHead: 40, gil: nil),
        // internal/pycore_interp.h PyInterpreterState
        interpreter: .init(
            next: 0, threadsHead: 72, modules: 944, collector: 112, gilPointer: 384, tasksHead: nil),
        // internal/pycore_gil.h _gil_runtime_state
        gil: .init(lastHolder: 8, locked: 16),
        // internal/pycore_gc.h _gc_runtime_state
        collector: .init(generations: 24, collecting: 200),
        // cpython/pystate.h PyThreadState
        thread: .init(
            next: 8, identifier: 136, nativeIdentifier: 144, frame: 56, cframeCurrent: 0,
            stackChunk: 232, tasksHead: nil),
        // internal/pycore_frame.h _PyInterpreterFrame
        frame: .init(
            size: 80, previous: 8, code: 0, instruction: 56, stackTop: 64, owner: 70, locals: 72, valueStack: nil,
            state: nil),
        // cpython/code.h PyCodeObject
        code: .init(
            names: 32, fileName: 112, name: 120, firstLine: 68, flags: 48, lineTable: 136, stackSize: 64,
            qualifiedName: 128, exceptionTable: 40, localNames: 96, localKinds: 104, bytecode: 192, firstTraceable: 176,
            cellNames: nil, freeNames: nil),
        // cpython/genobject.h PyCoroObject
        generator: .init(frame: 72, isFrameInline: true, state: 67, name: 24, qualifiedName: 32),
        // cpython/object.h PyTypeObject, PyHeapTypeObject
        type: .init(
            name: 24, basicSize: 32, flags: 168, dictOffset: 288, base: 256, dict: 264, mro: 344, cachedKeys: 880,
            qualifiedName: 872),
        // cpython/unicodeobject.h, tupleobject.h, longintrepr.h
        string: .init(ascii: 40, compact: 56),
        tupleItems: 24,
        isIntegerTagged: true,
        // cpython/funcobject.h, classobject.h
        function: .init(code: 48, qualifiedName: 40, dict: 88, module: 104, closure: 72),
        // internal/pycore_dict.h PyDictKeysObject, PyDictValues
        dict: .init(form: .compact, values: 0),
        attributes: .taggedWord,
        // Modules/_asynciomodule.c TaskObj
        task: .init(loop: 16, state: 88, waiter: 128, coroutine: 136, name: 144, node: nil),
        opcodes: .python312)
}
