extension PythonLayout {
    /// CPython 3.13, 64-bit, default build: from the headers of tag v3.13.0 (scripts/cpython-offsets).
    static let python313 = PythonLayout(
        minor: 13,
        // internal/pycore_runtime.h _PyRuntimeState
        runtime: .init(interpretersHead: 632, gil: nil),
        // internal/pycore_interp.h PyInterpreterState
        interpreter: .init(
            next: 7264, threadsHead: 7344, modules: 7656, collector: 7400, gilPointer: 16, tasksHead: nil),
        // internal/pycore_gil.h _gil_runtime_state
        gil: .init(lastHolder: 8, locked: 16),
        // internal/pycore_gc.h _gc_runtime_state
        collector: .init(generations: 24, collecting: 200),
        // cpython/pystate.h PyThreadState
        thread: .init(
            next: 8, identifier: 152, nativeIdentifier: 160, frame: 72, cframeCurrent: nil,
            stackChunk: 232, tasksHead: nil),
        // internal/pycore_frame.h _PyInterpreterFrame
        frame: .init(
            size: 80, previous: 8, code: 0, instruction: 56, stackTop: 64, owner: 70, locals: 72, valueStack: nil,
            state: nil),
        // cpython/code.h PyCodeObject
        code: .init(
            names: 32, fileName: 112, name: 120, firstLine: 68, flags: 48, lineTable: 136, stackSize: 64,
            qualifiedName: 128, exceptionTable: 40, localNames: 96, localKinds: 104, bytecode: 200, firstTraceable: 184,
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
        dict: .init(form: .compact, values: 8),
        attributes: .inline,
        // Modules/_asynciomodule.c TaskObj
        task: .init(loop: 16, state: 96, waiter: 112, coroutine: 120, name: 128, node: nil),
        opcodes: .python313)
}
