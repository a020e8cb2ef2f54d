/* SPDX-License-Identifier: MIT */
/*
 * py_sources: the PyTorch twins of the models, embedded in the binary by the build, so that a run
 * folder can hold its model.py.
 */
#ifndef MODELS_PY_SOURCES_H
#define MODELS_PY_SOURCES_H

struct py_source {
    const char *name;
    const char *text;
};

extern const struct py_source py_sources[]; /* ends with a NULL name */

#endif
