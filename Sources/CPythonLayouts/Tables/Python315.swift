extension PythonLayout {
    /// CPython 3.15, 64-bit, default build: from the headers of tag v3.15.2 (scripts/cpython-offsets).
    static let python315 = PythonLayout(
        minor: 15,
        // internal/pycore_runtime.h _PyRuntimeState
        runtime: .init(interpretersHead: 936, gil: nil),
        // internal/pycore_interp.h PyInterpreterState
        interpreter: .init(
            next: 7264, threadsHead: 7336, modules: 7592, collector: 7400, gilPointer: 16, tasksHead: 10856),
        // internal/pycore_gil.h _gil_runtime_state
        gil: .init(lastHolder: 8, locked: 16),
        // internal/pycore_gc.h _gc_runtime_state
        collector: .init(generations: 8, collecting: 112),
        // cpython/pystate.h PyThreadState
        thread: .init(
            next: 8, identifier: 176, nativeIdentifier: 184, frame: 72, cframeCurrent: nil,
            stackChunk: 256, tasksHead: 1048),
        // internal/pycore_frame.h _PyInterpreterFrame
        frame: .init(
            size: 88, previous: 8, code: 0, instruction: 56, stackTop: 64, owner: 74, locals: 80, valueStack: nil,
            state: nil),
        // cpython/code.h PyCodeObject
        code: .init(
            names: 32, fileName: 112, name: 120, firstLine: 68, flags: 48, lineTable: 136, stackSize: 64,
            qualifiedName: 128, exceptionTable: 40, localNames: 96, localKinds: 104, bytecode: 208, firstTraceable: 192,
            cellNames: nil, freeNames: nil),
        // cpython/genobject.h PyCoroObject
        generator: .init(frame: 72, isFrameInline: true, state: 67, name: 24, qualifiedName: 32),
        // cpython/object.h PyTypeObject, PyHeapTypeObject
        type: .init(
            name: 24, basicSize: 32, flags: 168, dictOffset: 288, base: 256, dict: 264, mro: 344, cachedKeys: 888,
            qualifiedName: 880),
        // cpython/unicodeobject.h, tupleobject.h, longintrepr.h
        string: .init(ascii: 40, compact: 56),
        tupleItems: 32,
        isIntegerTagged: true,
        // cpython/funcobject.h, classobject.h
        function: .init(code: 48, qualifiedName: 40, dict: 88, module: 104, closure: 72),
        // internal/pycore_dict.h PyDictKeysObject, PyDictValues
        dict: .init(form: .compact, values: 8),
        attributes: .inline,
        // Modules/_asynciomodule.c TaskObj
        task: .init(loop: 16, state: 104, waiter: 120, coroutine: 128, name: 136, node: 152),
        opcodes: .python315)
}
