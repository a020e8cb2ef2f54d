/* SPDX-License-Identifier: MIT */
/*
 * tensor: the type and the shape of an array, and where it lies. It knows no device: a place is
 * bytes in an arena, and `buffer` is what the executor has put there.
 *
 * Whoever makes a tensor owns it: a graph its activations and states, a plan scratch memory and
 * gradients, `struct params` parameters and theirs.
 */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include <stddef.h>

#include "tensor/dtype.h"

#define TENSOR_MAX_RANK 4

enum tensor_kind {
    TENSOR_ACTIVATION, /* lives from the launch that writes it first to the last that uses it */
    TENSOR_PARAM,
    TENSOR_PARAM_GRAD, /* accumulates over the micro-batches of a step; the optimizer zeroes it */
    TENSOR_STATE,      /* keeps its place and contents from run to run */
};

struct op;
struct buffer;

struct tensor {
    char *name; /* owned */
    enum tensor_kind kind;
    enum dtype dtype;
    int rank;
    size_t dim[TENSOR_MAX_RANK];
    size_t elems;
    struct tensor *of; /* a view: the tensor whose elements it shows in another shape; else NULL */
    int keep;          /* stays readable after the run */
    int needs_grad;

    /* of the graph, see ir/graph.h */
    struct op *maker; /* the op whose output it is; NULL: none */
    unsigned readers; /* inputs of ops that it is */

    /* of lowering, see lower/lower.h; those of a view are its tensor's */
    struct tensor *grad;  /* of the same shape; NULL until a backward pass asks for it */
    int grad_written;     /* something has written it: the next one adds */
    struct tensor *again; /* made again for the backward pass */
    size_t back_reader;   /* place of the first node whose backward pass may read it */
    enum { STAYS_NOT, STAYS_FOR_OTHERS, STAYS_TO_REMAKE } stays; /* see lower/layers.h */
    struct tensor *stand_in; /* takes its place in some launches */
    int is_read;             /* by a launch behind the one that is looked at */

    /* of the planner and the executor, see lower/plan.h */
    int first, last;        /* launches; first = -1: none */
    size_t device;          /* number of the device in whose memory it lies, see lower/split.h */
    size_t segment, offset; /* bytes */
    struct buffer *buffer;
    int borrowed;  /* the buffer belongs to somebody else */
    void *initial; /* state: contents to begin with; owned */
    int carried;   /* state that exec_forget() resets to these contents */
};

/* Tensors that somebody owns. */
struct tensors {
    struct tensor **item;
    size_t count;
};

/* A new tensor of the list; NULL without memory. A shape whose bytes cannot be counted gets one
 * element; *fits tells. */
struct tensor *tensors_add(struct tensors *list, const char *name, enum tensor_kind kind,
                           enum dtype dtype, int rank, const size_t *dim, int *fits);

/* Frees tensors and their initial contents; their buffers are the executor's. */
void tensors_free(struct tensors *list);

/* The tensor whose elements a view shows; else `t` itself. */
struct tensor *tensor_base(struct tensor *t);

/* Extent of the last dimension, and how many such rows there are. */
size_t tensor_columns(const struct tensor *t);
size_t tensor_rows(const struct tensor *t);

/* "[3, 5, 7]" */
const char *tensor_shape_text(const struct tensor *t, char *to, size_t size);

/* Elements of a shape into *elems; -1 where their bytes cannot be counted. */
int tensor_count(int rank, const size_t *dim, size_t *elems);

/* The bytes that a tensor takes; the one place that counts them. */
size_t tensor_bytes(const struct tensor *t);

#endif
