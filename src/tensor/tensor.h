/* SPDX-License-Identifier: MIT */
/*
 * tensor: the type and the shape of an array, and where it lies. It knows no device: a place is
 * bytes in an arena, and `buffer` is what the executor has put there.
 *
 * Whoever makes a tensor owns it: a graph its activations and states, `struct params` parameters
 * and their gradients.
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

struct tensor {
    char name[96];
    enum tensor_kind kind;
    enum dtype dtype;
    int rank;
    size_t dim[TENSOR_MAX_RANK];
    size_t elems;

    struct tensor *grad; /* of the same shape; NULL until backward asks for it */
    int grad_written;    /* backward has written it: the next one adds */
    int needs_grad;
    struct tensor *bias;  /* [last dim] or [positions, last dim]: a linear layer's bias that the
                             consumer of this tensor adds when it reads it; NULL for none */
    int spare;            /* its maker's backward pass does not read it: that of its one consumer
                             may write over it */
    struct maker *maker;  /* appends what makes this tensor again; NULL: it is kept */
    struct tensor *again; /* what that made */

    /* set by the planner */
    int first, last;        /* launches; first = -1: none */
    int keep;               /* stays readable after the run */
    size_t segment, offset; /* bytes */
    struct buffer *buffer;
    int borrowed;  /* the buffer belongs to somebody else */
    void *initial; /* state: contents to begin with; owned */
    int carried;   /* state that graph_forget() resets to these contents */
};

/* Elements of a shape into *elems; -1 where their bytes cannot be counted. */
int tensor_count(int rank, const size_t *dim, size_t *elems);

/* The bytes that a tensor takes; the one place that counts them. */
size_t tensor_bytes(const struct tensor *t);

#endif
