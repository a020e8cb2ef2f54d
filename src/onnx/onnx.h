/* SPDX-License-Identifier: MIT */
/*
 * onnx: a graph of ONNX, opset 17, to which operations append their nodes, and the file that it
 * becomes.
 *
 * A value is called by its name, which the graph owns. Tensors of our own graphs get values by
 * onnx_is() and are asked for them by onnx_of(): a parameter is an initialiser of its PyTorch name,
 * in PyTorch's layout, a view is its tensor in another shape. What goes wrong is kept, and all that
 * follows does nothing: onnx_check() tells the first fault.
 *
 * The first dimension of an activation is the batch, of any size. Where onnx_free_rows() was called
 * the rows of the input are of any number, too: no form below names how many there are.
 */
#ifndef ONNX_ONNX_H
#define ONNX_ONNX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "tensor/tensor.h"

#define ONNX_OPSET 17
#define ONNX_IR 8                       /* the version of the format that came with this opset */
#define ONNX_MOST ((uint64_t)INT32_MAX) /* bytes of a message of Protocol Buffers */
#define ONNX_RANK 5
#define ONNX_OUTPUTS 4

struct onnx;

/* Copies the numbers of a parameter. */
typedef int onnx_reader(void *ctx, const struct tensor *param, float *to, struct error *err);

/* NULL without memory. */
struct onnx *onnx_new(onnx_reader *read, void *ctx);
void onnx_free(struct onnx *o);

/* The first fault; 0: there is none. */
int onnx_check(const struct onnx *o, struct error *err);

/* Keeps that this cannot be done. */
void onnx_fault(struct onnx *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps that memory ran out. */
void onnx_no_memory(struct onnx *o);

/* What names the nodes that follow: "encoder.layers.0.norm1". */
void onnx_path(struct onnx *o, const char *path);

/* --- values of tensors */

const char *onnx_of(struct onnx *o, struct tensor *t);
void onnx_is(struct onnx *o, struct tensor *t, const char *value);

/* A parameter's numbers, which the caller frees; NULL with a fault. */
float *onnx_numbers(struct onnx *o, struct tensor *param);

/* --- initialisers. One of the same contents and kind is made once. */

/* A number, as a scalar. */
const char *onnx_number(struct onnx *o, double value);

/* Whole numbers [count], int64. */
const char *onnx_wholes(struct onnx *o, size_t count, const int64_t *value);

/* Floats of a name; where another one has it, with a number behind it. Copied. */
const char *onnx_table(struct onnx *o, const char *name, size_t rank, const size_t *dim,
                       const float *value);

/* --- nodes */

struct onnx_attribute {
    const char *name;
    enum { ONNX_WHOLE, ONNX_REAL, ONNX_TEXT, ONNX_LIST } kind;
    int64_t whole;
    double real;
    const char *text;
    size_t count; /* of the list */
    const int64_t *list;
};

struct onnx_node {
    const char *type;
    size_t inputs;
    const char *const *in; /* "": left out */
    size_t attributes;
    const struct onnx_attribute *attribute;
    size_t outputs; /* at most ONNX_OUTPUTS */
};

/* Appends it; its first output, and all of them in out[outputs] unless that is NULL. */
const char *onnx_append(struct onnx *o, const struct onnx_node *node, const char **out);

/* Nodes without attributes. */
const char *onnx_one(struct onnx *o, const char *type, const char *x);
const char *onnx_two(struct onnx *o, const char *type, const char *a, const char *b);
const char *onnx_three(struct onnx *o, const char *type, const char *a, const char *b,
                       const char *c);

/* A node with one attribute, a whole number, of one to three inputs; NULL: fewer. */
const char *onnx_along(struct onnx *o, const char *type, const char *name, int64_t value,
                       const char *a, const char *b, const char *c);

/* --- shapes */

/* dim: 0 as x has it there, -1 what is left. */
const char *onnx_reshape(struct onnx *o, const char *x, size_t rank, const int64_t *dim);
const char *onnx_transpose(struct onnx *o, const char *x, size_t rank, const int64_t *order);

/* [from, to) of a dimension; negative ones count from its end, INT64_MAX is its end. */
const char *onnx_slice(struct onnx *o, const char *x, int64_t axis, int64_t from, int64_t to);

/* Parts of the last dimension, `parts` of sizes size[]. */
void onnx_split(struct onnx *o, const char *x, size_t parts, const int64_t *size, const char **out);

/* Mean over a dimension, which stays with 1. */
const char *onnx_mean(struct onnx *o, const char *x, int64_t axis);

/* Mean of windows x [B, T, F] over their rows, [B, 1, F]: of what they are above the first row, to
 * which it is added, as the kernels do it: no digits go where values are large beside their spread.
 */
const char *onnx_window_mean(struct onnx *o, const char *x);

/* x W^T of a matrix W [out, in]. */
const char *onnx_times(struct onnx *o, const char *x, const char *w);

/* The first rows of a table, as many as `x` [B, T, ..] has: the table itself where that is known.
 */
const char *onnx_first_rows(struct onnx *o, const char *table, const char *x);

/* 0, 1, .. as many as x has rows, int64 [T]; `rows`: where that is known. */
const char *onnx_row_numbers(struct onnx *o, const char *x, size_t rows);

/* The rows of the input are of any number. */
void onnx_free_rows(struct onnx *o);

/* --- convolutions: rows that are laid out for a product are not made; the product asks for them */

struct onnx_slide {
    const char *x; /* [B, T, in] */
    int64_t kernel, stride, dilation, before, after;
};
void onnx_slides(struct onnx *o, struct tensor *unfolded, const struct onnx_slide *slide);

/* What the tensor is the layout of; NULL: nothing. */
const struct onnx_slide *onnx_slide_of(const struct onnx *o, const struct tensor *t);

/* --- states that go on from run to run */

/* The graph has an input of this name, which stays the caller's: [states, B, hidden]. */
void onnx_stream(struct onnx *o, const char *input);

/* The next state [1, B, hidden] to begin with, in the order of calls; "": there is none. */
const char *onnx_state(struct onnx *o, size_t hidden);

/* What the state is in the end, in the same order. */
void onnx_next_state(struct onnx *o, const char *value);

/* --- the file */

enum onnx_type { ONNX_FLOAT = 1, ONNX_INT64 = 7 };

/* An input or output; a dimension has a name or a number. */
struct onnx_port {
    const char *name;
    enum onnx_type type;
    size_t rank;
    const char *named[ONNX_RANK]; /* NULL: */
    size_t dim[ONNX_RANK];
};
void onnx_input(struct onnx *o, const struct onnx_port *port);

/* `value` is the output of this name. */
void onnx_output(struct onnx *o, const struct onnx_port *port, const char *value);

/* The input that onnx_stream() asked for, and an output with the states in the end. */
void onnx_states_end(struct onnx *o, const char *output);

/* An entry of the metadata. */
void onnx_tell(struct onnx *o, const char *key, const char *value);

/* Nodes, and numbers of all initialisers that are floats. */
size_t onnx_nodes(const struct onnx *o);
size_t onnx_floats(const struct onnx *o);

/* Writes the model, called `name` and made by `producer` of this version. STATUS_USAGE where it is
 * larger than ONNX_MOST. Whether the stream took it, who flushes it sees. */
int onnx_write(struct onnx *o, const char *name, const char *producer, const char *version,
               FILE *to, struct error *err);

#endif
