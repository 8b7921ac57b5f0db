// The module steerx._C is empty: importing it loads the library, and loading it registers the
// operators. The limited API makes one binary serve every python >= 3.11.
#undef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_C", nullptr, -1, nullptr, nullptr, nullptr, nullptr, nullptr};

PyMODINIT_FUNC PyInit__C() { return PyModule_Create(&definition); }
