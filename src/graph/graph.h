/* SPDX-License-Identifier: MIT */
/*
 * graph: a step as a list of launches over tensors of fixed shape.
 *
 * Ops (src/ops) append launches to a graph and register how their backward pass is appended in
 * turn; nothing runs while a graph is built. From the launches the planner derives every tensor's
 * lifetime and its place in an arena (plan.c); graph_prepare() then makes kernels and GEMMs, and
 * graph_run() enqueues the list, again and again, allocating nothing.
 *
 * Parameters outlive graphs, see params/params.h. A graph owns its tensors, except parameters and
 * their gradients.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "device/device.h"
#include "device/gemm/gemm.h"
#include "error.h"
#include "params/params.h"
#include "tensor/tensor.h"

#define LAUNCH_MAX_ARGS 20
/* A graph with more is refused: to plan it would take more than 10 s or 500 MiB. */
#define GRAPH_MAX_LAUNCHES 200000
/* Floats of a table that is made while a graph is built. */
#define GRAPH_MAX_TABLE ((size_t)1 << 26)

/* --- launches */

enum arg_kind { ARG_READ, ARG_WRITE, ARG_UPDATE, ARG_INT, ARG_FLOAT };

struct launch_arg {
    enum arg_kind kind;
    struct tensor *tensor;
    int32_t i;
    float f;
};

struct launch {
    char label[96]; /* what it is for: the parameter or tensor it serves */
    const char *file, *name;
    char *options;
    size_t groups, lanes;
    struct launch_arg arg[LAUNCH_MAX_ARGS];
    unsigned args; /* over LAUNCH_MAX_ARGS: the rest was not kept, graph_plan() tells */
    int is_gemm;
    struct gemm_shape gemm;
    double flops, bytes;
    size_t misfit; /* a value that no kernel's int holds; 0: none */

    struct kernel *kernel; /* made by graph_prepare() */
    struct gemm *product;
    double seconds; /* spent while profiling */
    uint64_t runs;
};

struct graph {
    struct device *dev;
    struct params *params;
    size_t batch;  /* B */
    int training;  /* dropout acts, backward follows */
    int recompute; /* what is cheap to make again is not kept for the backward pass */
    int carries;   /* a run goes on where the one before ended: recurrent layers keep their state */

    struct tensor **tensors;
    size_t tensor_count;
    struct launch **launches;
    size_t launch_count;
    struct node *nodes; /* newest first */

    struct tensor *step; /* struct step, see graph/step.h */

    /* after graph_plan() */
    size_t *segment_bytes;
    size_t segments;
    size_t activation_bytes;
    struct buffer **segment; /* [segments] */
    int owns_segments;
    int scattered;   /* one poisoned buffer per tensor */
    int failed;      /* memory ran out while building */
    char fault[256]; /* what else went wrong while building; "": nothing */
};

struct graph *graph_new(struct device *dev, struct params *params, size_t batch, int training);
void graph_free(struct graph *g);

/* A tensor that ops write. */
struct tensor *graph_tensor(struct graph *g, const char *name, int rank, const size_t *dim);
struct tensor *graph_tensor2(struct graph *g, const char *name, size_t a, size_t b);
/* A tensor that keeps its contents; zeros to begin with. */
struct tensor *graph_state(struct graph *g, const char *name, size_t elems);

/* The same with contents to begin with, copied. */
struct tensor *graph_constant(struct graph *g, const char *name, size_t elems, const float *values);

/* State of zeros that a run leaves for the next one, until graph_forget(). */
struct tensor *graph_carried(struct graph *g, const char *name, size_t elems);
int graph_forget(struct graph *g, struct error *err);

/* The same on a buffer of somebody else's. */
struct tensor *graph_borrow(struct graph *g, const char *name, struct buffer *buffer);

struct tensor *graph_param(struct graph *g, const char *name, int rank, const size_t *dim,
                           int decay, enum init_kind init, double scale);

/* A statistic that training graphs keep and evaluation graphs use, see params_get_running(). */
struct tensor *graph_running(struct graph *g, const char *name, int rank, const size_t *dim,
                             double initial);

/* The weight [out, in, ...] of a linear layer or convolution, U(-bound, bound) as PyTorch's module
 * draws it or as params->weights says. */
struct tensor *graph_weight(struct graph *g, const char *name, int rank, const size_t *dim,
                            double bound);

/* Its bias [count], U(-bound, bound) as PyTorch's module draws it, or 0 where params->weights draws
 * in another way. */
struct tensor *graph_bias(struct graph *g, const char *name, size_t count, double bound);

/* The gradient of `t` for a consumer's backward pass to write; *add tells it to add instead. NULL
 * where no gradient is needed. */
struct tensor *graph_grad(struct graph *g, struct tensor *t, int *add);

/* Registers what to append for the backward pass; `arg` is copied. */
void graph_on_backward(struct graph *g, void (*call)(struct graph *g, const void *arg),
                       const void *arg, size_t size);
#define graph_backward_arg(g, call, arg) graph_on_backward(g, call, &(arg), sizeof(arg))

/*
 * Tells that `t` can be made again from tensors that the backward pass keeps anyway: call appends
 * the launches that write its value to `to`; `arg` is copied.
 */
void graph_on_again(struct graph *g, struct tensor *t,
                    void (*call)(struct graph *g, const void *arg, struct tensor *to),
                    const void *arg, size_t size);

/* `t` as a backward pass reads it: made again if g->recompute and that can be done, else itself. */
struct tensor *graph_again(struct graph *g, struct tensor *t);

/* Appends the backward passes of all ops, newest first. Gradients of the loss must be written. */
void graph_backward(struct graph *g);

/* Tells graph_plan() that `name` cannot be done, and why: "NAME WHAT". The first fault is told. */
void graph_fault(struct graph *g, const char *name, const char *what);

/* --- appending launches: a kernel with `options` (printf), then its arguments in order. What does
 * not fit is told by graph_plan(). */
struct launch *graph_kernel(struct graph *g, const char *file, const char *name, size_t groups,
                            size_t lanes, const char *options, ...)
    __attribute__((format(printf, 6, 7)));
void launch_read(struct launch *l, struct tensor *t);
void launch_write(struct launch *l, struct tensor *t);
void launch_update(struct launch *l, struct tensor *t);
/* Reads and changes if `add`, else writes. */
void launch_add_to(struct launch *l, struct tensor *t, int add);
void launch_int(struct launch *l, size_t value);   /* a size, at most INT32_MAX */
void launch_word(struct launch *l, uint32_t word); /* 32 bits as they are */
void launch_float(struct launch *l, double value);
void launch_cost(struct launch *l, double flops, const char *label);

/* C = op(A) op(B) (+ C if add); shapes as in struct gemm_shape. */
struct launch *graph_gemm(struct graph *g, const char *label, struct gemm_shape shape,
                          struct tensor *a, struct tensor *b, struct tensor *c, int add);

/* --- launch sizes: one place decides how kernels are cut for a device */

/* Largest vector width (1..16) that divides `extent` and suits the device. */
unsigned graph_vec(const struct graph *g, size_t extent);

/* Work-items that share a row of `extent` elements in vectors of `vec`. */
unsigned graph_lanes(const struct graph *g, size_t extent, unsigned vec);

/* Parts into which `rows` are cut where a kernel reduces over rows: by the shape, never by the
 * number of cores. */
size_t graph_chunks(const struct graph *g, size_t rows);

/* --- planning and running */

/* Lifetimes and places; fails if a tensor is read before it is written, and tells what went wrong
 * while the graph was built. */
int graph_plan(struct graph *g, struct error *err);

/* Checks independently that no two tensors alive at a time overlap. */
int graph_check(const struct graph *g, struct error *err);

/* Device bytes that graph_prepare() will take. */
uint64_t graph_bytes(const struct graph *g, const struct graph *shared);

/* Memory and kernels. `shared` (may be NULL) is a prepared graph whose activations are free while
 * this one runs. */
int graph_prepare(struct graph *g, struct graph *shared, const struct gemm_provider *provider,
                  struct error *err);

/* Enqueues launches [from, to). */
int graph_run(struct graph *g, size_t from, size_t to, struct error *err);

/* The same, waiting after each and adding up its time. */
int graph_run_profiled(struct graph *g, size_t from, size_t to, struct error *err);

/* Blocking copies of a tensor. */
int tensor_read(const struct tensor *t, void *to, struct error *err);
int tensor_write(struct tensor *t, const void *from, struct error *err);

#endif
