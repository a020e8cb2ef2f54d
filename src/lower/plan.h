/* SPDX-License-Identifier: MIT */
/*
 * plan: a step as a list of launches over tensors, and the place of every tensor.
 *
 * Lowering (lower/lower.h) appends the launches of a graph; the optimizer, k-means and others
 * append theirs by the same functions. From the launches plan_place() derives every tensor's
 * lifetime and its place in an arena; nothing runs here: exec/exec.h makes memory and kernels and
 * enqueues the list, again and again, allocating nothing.
 *
 * A plan owns its launches, the tensors that it made and the graph that it was lowered from.
 */
#ifndef LOWER_PLAN_H
#define LOWER_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "device/gemm/gemm.h"
#include "error.h"
#include "params/params.h"
#include "tensor/tensor.h"

#define LAUNCH_MAX_ARGS 20
/* A plan with more is refused: to place it would take more than 10 s or 500 MiB. */
#define PLAN_MAX_LAUNCHES 200000

enum arg_kind { ARG_READ, ARG_WRITE, ARG_UPDATE, ARG_INT, ARG_FLOAT };

struct launch_arg {
    enum arg_kind kind;
    struct tensor *tensor; /* no view */
    int32_t i;
    float f;
};

struct launch {
    const char *label; /* what it is for: the parameter or tensor it serves; owned by the plan */
    const char *file, *name;
    char *options;
    size_t groups, lanes;
    struct launch_arg arg[LAUNCH_MAX_ARGS];
    unsigned args; /* over LAUNCH_MAX_ARGS: the rest was not kept, plan_place() tells */
    int stored;    /* -DSTORED stands in the options */
    const struct tensor
        *sent;     /* a parameter in the host's memory that is copied to arg 0, or NULL */
    int moves;     /* arg 0 is copied to arg 1, which lies on another device */
    size_t device; /* number of the device that runs it */
    int is_gemm, has_room, has_tail; /* has_room: argument 3 is for parts of sums */
    struct gemm_shape gemm;
    struct gemm_tail tail; /* its buffers are the last arguments; set by exec_prepare() */
    double flops, bytes;
    double chain, meets;     /* see launch_chain() */
    double longest;          /* see launch_longest() */
    double again, footprint; /* see launch_again() */
    double local, loads;     /* see launch_local(), launch_loads() */
    int matrix;              /* see launch_matrix(): 0, or 1 + the type of factors */
    double beside;
    size_t misfit; /* a value that no kernel's int holds; 0: none */
    int is_again;  /* computes once more what the forward pass has computed */
    struct plan *plan;

    struct kernel *kernel; /* made by exec_prepare() */
    struct gemm *product;
    double seconds; /* spent while profiling */
    uint64_t runs;
};

struct graph;
struct op;

struct plan {
    struct device *first_device; /* see lower/split.h */
    struct device *dev;          /* the same; while a node is lowered that which runs it */
    struct params *params;       /* NULL: none */
    struct graph *graph;         /* NULL: of no graph */
    int training;
    size_t can_remake, remade;   /* nodes that are cheap to make again, and those that are */
    size_t can_replay, replayed; /* layers, see lower/layers.h */
    double remade_flops;         /* what all of that costs */
    int carries;

    struct tensors tensors; /* scratch memory, gradients, states that are in no graph */
    struct launch **launches;
    size_t launch_count;
    char **labels;
    size_t label_count;
    struct {
        const struct tensor *of;
        struct tensor *as;
    } * rounded; /* weights as products read them, see cast_weight() */
    size_t rounded_count;
    struct tensor *step; /* struct step, see lower/step.h */

    /* while a graph is lowered, see lower/lower.c */
    const struct op *back_of; /* the node whose backward pass is appended; NULL: none */
    int replays;              /* a forward pass is appended once more: no statistics */
    size_t device;            /* number of the device that launches are appended for */
    struct {
        struct tensor *part, *sum;
    } to_add[16]; /* gradients to add up behind it */
    unsigned adds;

    /* after plan_place() */
    size_t *segment_bytes;
    size_t *segment_device; /* number of the device that it lies on */
    size_t segments;
    size_t activation_bytes;
    struct buffer **segment; /* [segments] */
    int owns_segments;
    char *passing;         /* room in the host's memory for what goes to another device */
    int scattered;         /* one poisoned buffer per tensor */
    int failed;            /* memory ran out while building */
    char fault[512];       /* what else went wrong while building; "": nothing */
    struct tensor nowhere; /* stands for what could not be made */
    struct launch no_launch;
    char no_name[1];
};

/* `params` may be NULL. */
struct plan *plan_new(struct device *dev, struct params *params);
void plan_free(struct plan *p);

/* Tells plan_place() that `name` cannot be done, and why: "NAME WHAT". The first fault is told. */
void plan_fault(struct plan *p, const char *name, const char *what);

/* --- tensors that no op makes */

/* Scratch memory that launches write. */
struct tensor *plan_tensor(struct plan *p, const char *name, size_t elems);
struct tensor *plan_tensor2(struct plan *p, const char *name, size_t a, size_t b);
struct tensor *plan_like(struct plan *p, const char *name, const struct tensor *like);

/* The same, stored as the graph's activations. */
struct tensor *plan_stored(struct plan *p, const char *name, size_t a, size_t b);

/* What keeps its contents; zeros to begin with. */
struct tensor *plan_state(struct plan *p, const char *name, size_t elems);

/* The same with contents to begin with, copied. */
struct tensor *plan_constant(struct plan *p, const char *name, size_t elems, const float *values);

/* State of zeros that a run leaves for the next one, until exec_forget(). */
struct tensor *plan_carried(struct plan *p, const char *name, size_t elems);

/* A state on a buffer of somebody else's. */
struct tensor *plan_borrow(struct plan *p, const char *name, struct buffer *buffer);

/* --- appending launches: a kernel with `options` (printf), then its arguments in order. What does
 * not fit is told by plan_place(). A kernel with an argument of BF16 or F16 gets -DSTORED. */
struct launch *plan_kernel(struct plan *p, const char *file, const char *name, size_t groups,
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

/* What bounds a launch whatever it counts: operations of a work-item of which each waits for the
 * one before, and how often all work-groups wait for each other. */
void launch_chain(struct launch *l, double operations, double meets);

/* Operations of the work-item that has far more of them behind each other than others do, where
 * launch_chain() tells those of the others. */
void launch_longest(struct launch *l, double operations);

/* "768x512x128 A'", a product's shape, or "60 groups of 128". */
void launch_shape(const struct launch *l, char *to, size_t size);

/* Bytes that the work-items of a launch load from local memory. */
void launch_local(struct launch *l, double bytes);

/* Bytes that all its groups together load of what lies in the last cache. */
void launch_loads(struct launch *l, double bytes);

/* Its operations are of matrix units, of factors of this type (DTYPE_F32: TF32), `beside` others of
 * vector units. */
void launch_matrix(struct launch *l, enum dtype factor, double beside);

/* Of the bytes of a launch, those that it moves another time: a cache has them that holds so many.
 */
void launch_again(struct launch *l, double bytes, double footprint);

/* `to` becomes a copy of a parameter in the host's memory. */
void plan_send(struct plan *p, const struct tensor *param, struct tensor *to);

/* `to` becomes a copy of `from`, which lies on another device. */
struct launch *plan_move(struct plan *p, struct tensor *from, struct tensor *to);

/* C = op(A) op(B) (+ C if add); shapes as in struct gemm_shape. A fourth argument is the room for
 * parts of its sums, where the product can use such (gemm_room()); a tail's may follow
 * (lower/tail.h). */
struct launch *plan_gemm(struct plan *p, const char *label, struct gemm_shape shape,
                         struct tensor *a, struct tensor *b, struct tensor *c, int add);

/* --- places */

/* Lifetimes and places; fails if a tensor is read before it is written, and tells what went wrong
 * while the plan was built. */
int plan_place(struct plan *p, struct error *err);

/* Checks independently that no two tensors alive at a time overlap, and that each launch uses
 * tensors of its device. */
int plan_check(const struct plan *p, struct error *err);

/* Calls `each` for every tensor of the plan and its graph, until it returns anything but 0. */
int plan_each_tensor(const struct plan *p, int (*each)(struct tensor *t, void *ctx), void *ctx);

#endif
