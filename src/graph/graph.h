/* SPDX-License-Identifier: MIT */
/*
 * graph: a step as a list of launches over tensors of fixed shape.
 *
 * Ops (src/ops) append launches to a graph and register how their backward pass is appended in
 * turn; nothing runs while a graph is built. From the launches the planner derives every tensor's
 * lifetime and its place in an arena (plan.c); graph_prepare() then makes kernels and GEMMs, and
 * graph_run() enqueues the list, again and again, allocating nothing.
 *
 * Parameters outlive graphs: training and evaluation graphs of a model share one `struct params`.
 * A graph owns its tensors, except parameters and their gradients.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "device/device.h"
#include "device/gemm.h"
#include "error.h"

#define TENSOR_MAX_RANK 4
#define LAUNCH_MAX_ARGS 20
/* A graph with more is refused: to plan it would take more than 10 s or 500 MiB. */
#define GRAPH_MAX_LAUNCHES 200000
/* Floats of a table that is made while a graph is built. */
#define GRAPH_MAX_TABLE ((size_t)1 << 26)

enum tensor_kind {
    TENSOR_ACTIVATION, /* lives from the launch that writes it first to the last that uses it */
    TENSOR_PARAM,
    TENSOR_PARAM_GRAD, /* accumulates over the micro-batches of a step; the optimizer zeroes it */
    TENSOR_STATE,      /* keeps its place and contents from run to run */
};

struct tensor {
    char name[96];
    enum tensor_kind kind;
    int rank;
    size_t dim[TENSOR_MAX_RANK];
    size_t elems; /* 32-bit words, floats unless a comment says otherwise */

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

/* --- parameters */

enum init_kind {
    INIT_UNIFORM,  /* U(-scale, scale) */
    INIT_NORMAL,   /* N(0, scale^2) */
    INIT_CONSTANT, /* scale */
    /* For weights [out, in, ...]; scale: how many such matrices are stacked in one parameter (a
     * recurrent layer's gates, else 1), each drawn by itself. */
    INIT_XAVIER_UNIFORM, /* variance 2 / (fan in + fan out), Glorot and Bengio (2010) */
    INIT_XAVIER_NORMAL,
    INIT_KAIMING_UNIFORM, /* variance 2 / fan in, He et al. (2015) */
    INIT_KAIMING_NORMAL,
    INIT_ORTHOGONAL /* orthonormal rows or columns, Saxe et al. (2014) */
};

struct param {
    struct tensor value, grad; /* named as in PyTorch */
    int running;               /* a statistic that an op keeps, PyTorch's "buffer": no gradient */
    int decay;                 /* takes weight decay */
    enum init_kind init;
    double scale;
    size_t shift_from, shift_count; /* elements that `shift` is added to when they are drawn */
    double shift;
};

struct params {
    struct param **list;
    size_t count;
    struct param **named; /* [slots], by the hash of their names; more slots than parameters */
    size_t slots;
    int failed; /* memory ran out */
    int decay_all;
    enum init_kind weights; /* how graph_weight() draws; INIT_UNIFORM: as PyTorch's modules do */
    /* Places, after params_place(): decayed parameters first, running statistics last. Sizes in
     * floats. */
    size_t elems, decayed, running;
    struct buffer *values;                       /* [elems + running] */
    struct buffer *grads, *exp_avg, *exp_avg_sq; /* [elems] each */
};

struct params *params_new(int decay_all);
void params_free(struct params *params);

/* The parameter `name` of this shape, made on first use. NULL on a misfit, and with params->failed
 * where memory runs out. */
struct tensor *params_get(struct params *params, const char *name, int rank, const size_t *dim,
                          int decay, enum init_kind init, double scale);

/* The same for a running statistic, which begins with `initial`: saved with the parameters, but
 * without gradient and optimizer state. */
struct tensor *params_get_running(struct params *params, const char *name, int rank,
                                  const size_t *dim, double initial);

/* Adds `by` to `count` initial values of the parameter `name` from element `from` on. */
void params_shift(struct params *params, const char *name, size_t from, size_t count, double by);

/* Number of parameters, as PyTorch counts them: without running statistics. */
size_t params_count(const struct params *params);

/* Gives every parameter its place and fixes params->elems; `align` in bytes. */
void params_place(struct params *params, size_t align);

/* Allocates; training = 0 leaves out gradients and optimizer state. */
int params_allocate(struct params *params, struct device *dev, int training, struct error *err);

/* Draws initial values with Philox keyed by seed and each parameter's name. */
int params_init(struct params *params, uint64_t seed, struct error *err);

/* Copies one parameter's values, gradient or state (params->values, grads, ...). */
int params_read(const struct params *params, size_t index, struct buffer *arena, float *to,
                struct error *err);
int params_write(const struct params *params, size_t index, struct buffer *arena, const float *from,
                 struct error *err);

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

/* Elements of a shape into *elems; -1 where their bytes cannot be counted. */
int tensor_count(int rank, const size_t *dim, size_t *elems);

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
int graph_prepare(struct graph *g, struct graph *shared, int gemm_provider, struct error *err);

/* Enqueues launches [from, to). */
int graph_run(struct graph *g, size_t from, size_t to, struct error *err);

/* The same, waiting after each and adding up its time. */
int graph_run_profiled(struct graph *g, size_t from, size_t to, struct error *err);

/* Blocking copies of a tensor. */
int tensor_read(const struct tensor *t, void *to, struct error *err);
int tensor_write(struct tensor *t, const void *from, struct error *err);

#endif
