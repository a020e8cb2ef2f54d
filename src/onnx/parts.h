/* SPDX-License-Identifier: MIT */
/*
 * parts: what the files of src/onnx share: the struct behind onnx.h. Nobody else includes it.
 */
#ifndef ONNX_PARTS_H
#define ONNX_PARTS_H

#include "onnx/onnx.h"
#include "util/proto.h"

/* An initialiser; its numbers are its own, or those of a parameter. */
struct onnx_initial {
    char *name; /* owned */
    enum onnx_type type;
    size_t rank, dim[ONNX_RANK], elems;
    void *value;                /* owned; NULL: */
    const struct tensor *param; /* is read when the file is written */
};

/* What a tensor is called. */
struct onnx_bound {
    const struct tensor *tensor;
    const char *value;       /* NULL: */
    struct onnx_slide slide; /* it is laid out */
};

struct onnx {
    onnx_reader *read;
    void *ctx;
    int failed;
    struct error fault; /* where it failed */
    char *path;
    char **name; /* [names] of values */
    size_t names;
    struct onnx_initial **initial;
    size_t initials;
    struct onnx_bound **bound;
    size_t bounds;
    struct proto nodes; /* messages of a graph: fields `node` */
    size_t node_count;
    struct proto inputs, outputs, told; /* fields of the graph, and of the model */
    int rows_free;
    const char *state;          /* the name of the input; NULL: there is none */
    const char *rows, *numbers; /* how many rows, and their numbers; NULL: not asked for yet */
    size_t states, hidden;
    const char **next; /* [nexts] states in the end */
    size_t nexts;
};

/* Fields of the messages of onnx.proto. */
enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_VERSION = 3, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { MODEL_METADATA = 14, OPSET_VERSION = 2, ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIAL = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_S = 4 };
enum { ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { PORT_NAME = 1, PORT_TYPE = 2, TYPE_TENSOR = 1, TYPE_ELEMENTS = 1, TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };

/* A name that the graph owns, "" without memory. */
const char *onnx_named(struct onnx *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new initialiser, with its numbers copied unless `value` is NULL; NULL with a fault. */
struct onnx_initial *onnx_initial(struct onnx *o, const char *name, enum onnx_type type,
                                  size_t rank, const size_t *dim, const void *value);

#endif
