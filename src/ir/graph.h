/* SPDX-License-Identifier: MIT */
/*
 * graph: operations over tensors of fixed shape, in the order in which they are computed.
 *
 * A model appends operations (src/ops). Each is a node: its class, inputs, outputs, attributes and
 * a path that names it. Shapes and types of outputs are inferred and checked when a node is
 * appended; the first fault is kept and told by graph_check_built(). Nothing is computed here:
 * passes (ir/fuse.h) rewrite the nodes, lower/lower.h turns them into launches.
 *
 * A graph owns its nodes and tensors. Parameters belong to `struct params`, which outlives it:
 * training and evaluation graphs of a model share one.
 */
#ifndef IR_GRAPH_H
#define IR_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "params/params.h"
#include "tensor/tensor.h"

#define OP_INPUTS 10
#define OP_OUTPUTS 3
#define OP_SAVED 6
/* Numbers of a table that is made while a graph is built. */
#define GRAPH_MAX_TABLE ((size_t)1 << 26)

struct cfile;
struct fixed;
struct gemm_provider;
struct graph;
struct onnx;
struct op;
struct plan;
struct words;

/* Bits of op_class.reads. */
#define READS_IN(i) (1u << (i))
#define READS_OUT(i) (1u << (16 + (i)))

/*
 * What all operations of a kind have in common. `forward` and `back` append launches to a plan;
 * they are called once for each node of a training graph, `forward` alone in other graphs.
 */
struct op_class {
    const char *name;
    size_t attr; /* bytes of the attributes */

    /* Makes the outputs by graph_output(); tells a misfit by graph_misfit(). */
    void (*infer)(struct graph *g, struct op *op);

    void (*forward)(struct plan *p, struct op *op);

    /* Adds to the gradients of inputs (see lower/lower.h), from those of the outputs. NULL: no
     * gradient passes. */
    void (*back)(struct plan *p, struct op *op);

    /* The inputs and outputs whose values `back` may read: READS_IN(0) | READS_OUT(1). Parameters
     * may be read in any case. To read another one is a fault. */
    unsigned reads;

    /* The inputs and outputs that are stored as the graph stores numbers (graph->stored), in the
     * same bits; the others are fp32. graph_op() puts a cast in front of what is of the other. */
    unsigned stored;

    /* Appends what writes the value of output 0 to `to`, from what `back` reads anyway: from the
     * outputs that `reads` has, where the node has one of them, else from the inputs. NULL: it is
     * no cheaper than to keep it. */
    void (*again)(struct plan *p, struct op *op, struct tensor *to);

    /* Rewrites the graph so that one node does the work of `op` and of a neighbour, and returns
     * that node; NULL if there is nothing to do. May be NULL. */
    struct op *(*fuse)(struct graph *g, struct op *op);

    /* The same the other way round: `op` does the work of the only node that reads its output 0. */
    struct op *(*follow)(struct graph *g, struct op *op, struct op *reader);

    /* What the node does beside its name, for who reads the plan: "bias, dropout". May be NULL. */
    void (*describe)(const struct op *op, struct words *to);

    /* Appends what the node does in an evaluation to a graph of ONNX, before anything is fused
     * (onnx/onnx.h). NULL: it is not there to be exported, for the reason `no_onnx`. */
    void (*onnx)(struct onnx *o, struct op *op);
    const char *no_onnx;

    /* The same to a file of C (cfile/cfile.h), of a graph with a batch of 1. NULL: for the reason
     * `no_cfile`, or `no_onnx`. */
    void (*cfile)(struct cfile *c, struct op *op);
    const char *no_cfile;

    /* The same to a model in integers (fixed/fixed.h), of a graph of one row. NULL: nobody has
     * written it. */
    void (*fixed)(struct fixed *f, struct op *op);

    int is_brought; /* its output is made again for the backward pass in any case */
    int is_loss;    /* begins the gradients: `back` does not wait for one of an output */
};

struct op {
    const struct op_class *class;
    char *path;                                     /* owned */
    void *attr;                                     /* owned */
    size_t at;                                      /* place in graph->ops */
    size_t layer;                                   /* see graph_layer(); 0: in none */
    size_t device;                                  /* its number, see lower/split.h */
    struct tensor *in[OP_INPUTS], *out[OP_OUTPUTS]; /* NULL: not there */
    struct tensor *saved[OP_SAVED];                 /* made by `forward` for `back` */
    int is_remade;                                  /* output 0 is made again, see lower/lower.h */
    int is_replayed;                                /* its layer is, see lower/layers.h */
    int is_taught;                                  /* see graph_teacher() */
    size_t from, to;                                /* launches of its forward pass */
};

struct graph {
    struct params *params;
    size_t batch;                /* B */
    enum dtype stored;           /* how activations are stored, see graph_store() */
    const struct op_class *cast; /* NULL: they are fp32 */
    int training;                /* dropout acts, backward follows */
    int recompute;               /* what is cheap to make again is not kept for the backward pass */
    size_t recompute_most;       /* of so many nodes, the first ones; 0: of all */
    size_t recompute_layers;     /* and so many whole layers, the cheapest ones */
    int in_parts; /* of a step's windows: running statistics become the moments of each part */
    const struct gemm_provider *products; /* who multiplies on the first device; NULL: not known */
    int weight_bits; /* 8 or 16: weights are rounded to so many; 0: they are as they are */
    int carries; /* a run goes on where the one before ended: recurrent layers keep their state */

    struct tensors tensors;
    struct op **ops; /* in order; NULL where a pass took one away */
    size_t op_count;
    struct params *own;    /* `params` while nodes are a teacher's; else NULL */
    size_t layer, layers;  /* that nodes are appended to (0: to none), and how many there are */
    size_t *layer_device;  /* [layers + 1] numbers of their devices, see lower/split.h; owned */
    struct tensor *sample; /* [B] u32: the first row of each window, which keys dropout */

    struct tensor nowhere; /* stands for what could not be made */
    struct op nothing;     /* the same: a node with such outputs */
    char no_name[1];
    int failed;      /* memory ran out while building */
    char fault[512]; /* what else went wrong while building; "": nothing */
};

struct graph *graph_new(struct params *params, size_t batch, int training);
void graph_free(struct graph *g);

/* Whether the graph was built without a fault; tells the first one. */
int graph_check_built(const struct graph *g, struct error *err);

/* Keeps that `name` cannot be done, and why: "NAME WHAT". The first fault is told. */
void graph_fault(struct graph *g, const char *name, const char *what);

/* --- tensors that no op writes */

/* A tensor that keeps its contents; zeros to begin with. */
struct tensor *graph_state(struct graph *g, const char *name, enum dtype dtype, int rank,
                           const size_t *dim);

/* The same of floats with contents to begin with, copied. */
struct tensor *graph_constant(struct graph *g, const char *name, int rank, const size_t *dim,
                              const float *values);

/* The same on a buffer of somebody else's: rows of `columns` numbers. */
struct tensor *graph_borrow(struct graph *g, const char *name, enum dtype dtype, size_t columns,
                            struct buffer *buffer);

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

/* A name made by a format, for the time of a call: one of GRAPH_NAMES places that take turns. A
 * call that makes names of it, layers with all their parameters, needs fewer. */
#define GRAPH_NAMES 128
const char *graph_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- nodes */

/* Activations are stored as `dtype` from now on: F32 (as a new graph has it), BF16 or F16. A node
 * of the class `cast` goes between these and fp32. */
void graph_store(struct graph *g, enum dtype dtype, const struct op_class *cast);

/* `t` as fp32 that stays readable after the run. */
struct tensor *graph_keep(struct graph *g, struct tensor *t);

/* `t` as numbers of a type: itself, or what one cast makes of it for all readers. */
struct tensor *graph_as(struct graph *g, struct tensor *t, enum dtype dtype);

/* Nodes that are appended from now on make a layer: of what it computes, its inputs alone may be
 * kept for the backward pass, which then computes the rest again (lower/layers.h). */
void graph_layer(struct graph *g);

/* Nodes that are appended from now on belong to no layer. */
void graph_layers_end(struct graph *g);

/* Nodes that are appended from now on are those of another model, whose parameters `frozen` are: of
 * a training graph too they do as in an evaluation, and no gradient passes them. They are in no
 * layer, and their paths begin with "teacher.". */
void graph_teacher(struct graph *g, struct params *frozen);

/* Nodes that are appended from now on are the model's again. Of the teacher's, from `from` on,
 * those are taken away whose outputs nobody reads but `output`. */
void graph_teacher_ends(struct graph *g, size_t from, struct tensor *output);

/* Appends a node with so many inputs, which may be NULL; `attr` is copied, `path` names it. Its
 * outputs are there, whatever went wrong: after a fault they are of one element. */
struct op *graph_op(struct graph *g, const struct op_class *class, const char *path,
                    const void *attr, size_t inputs, struct tensor *const *in);

/* Makes output i of numbers, for `infer`; the class says how they are stored. It needs a gradient
 * where an input of the node does and its class passes one. */
struct tensor *graph_output(struct graph *g, struct op *op, int i, const char *name, int rank,
                            const size_t *dim);

/* The same of a type. */
struct tensor *graph_output_as(struct graph *g, struct op *op, int i, const char *name,
                               enum dtype dtype, int rank, const size_t *dim);

/* Output i with the shape of `like`. */
struct tensor *graph_output_like(struct graph *g, struct op *op, int i, const char *name,
                                 const struct tensor *like);

/* A fault of `infer`: the op's path and class, `what`, and the shapes of inputs a and b (b < 0: of
 * a alone). */
void graph_misfit(struct graph *g, const struct op *op, const char *what, int a, int b);

/* `x` in another shape of as many elements; no launch, the same memory. */
struct tensor *graph_view(struct graph *g, struct tensor *x, int rank, const size_t *dim);

/* The first rows of a parameter [rows, columns] in the same way, for op_add(). */
struct tensor *graph_first_rows(struct graph *g, struct tensor *x, size_t rows);

/* --- for passes */

/* The maker of op's input i if it is of `class` (NULL: any) and nobody but op reads its output 0;
 * else NULL. */
struct op *graph_sole_maker(const struct op *op, int i, const struct op_class *class);

/* Makes `t` (may be NULL) input i of op. */
void graph_set_input(struct op *op, int i, struct tensor *t);

/* Takes output i of `from` over as output j of `to`. */
void graph_take_output(struct op *to, int j, struct op *from, int i);

/* Takes a node away; its place is given to `heir` unless that is NULL. */
void graph_drop(struct graph *g, struct op *op, struct op *heir);

/* Words with commas between them. */
struct words {
    char text[128];
};
void words_add(struct words *to, const char *word);

#endif
