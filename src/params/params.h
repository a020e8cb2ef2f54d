/* SPDX-License-Identifier: MIT */
/*
 * params: the parameters of a model by their PyTorch names, in three groups, and how their first
 * values are drawn. All values lie in one arena: trained parameters in front, then running
 * statistics, then, in blocks of their own, frozen parameters. Gradients, and what optimizers keep,
 * are arenas of the trained parameters alone. No order of a sum depends on the blocks.
 *
 * Parameters outlive graphs: training and evaluation graphs of a model share one `struct params`,
 * which owns the tensors of its parameters.
 */
#ifndef PARAMS_PARAMS_H
#define PARAMS_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "device/device.h"
#include "error.h"
#include "params/adapter.h"
#include "params/arena.h"
#include "tensor/tensor.h"

#define PARAM_MAX_NAME 200

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

enum param_group {
    PARAM_TRAINED,
    PARAM_RUNNING, /* a statistic that an op keeps, PyTorch's "buffer" */
    PARAM_FROZEN,  /* stays as it is: no gradient, nothing of an optimizer */
};

struct param {
    struct tensor value, grad; /* named as in PyTorch; places: bytes in the arenas */
    enum param_group group;
    int decay;     /* takes weight decay */
    int is_linear; /* the weight of a linear layer */
    int is_hosted; /* its values lie in the host's memory */
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
    char *const *freeze;    /* [freezes] patterns of names */
    size_t freezes;
    struct adapter adapter; /* with a rank: all but its own parameters are frozen */
    const char *own;        /* pattern of those that train beside an adapter or packed weights, and
                               that no folder of weights holds; NULL: there are none */
    int offloads;           /* frozen ones lie in the host's memory */
    enum dtype packs;       /* how frozen matrices of linear layers are stored; F32: as they are */
    enum dtype tables;      /* the same of frozen tables of embeddings and heads: F32 or BF16 */
    /* Places, after params_place(): decayed parameters first. Sizes in floats, but `frozen` in
     * bytes, and `hosted` in bytes of the host. */
    size_t elems, decayed, running, frozen, hosted;
    size_t align;                /* bytes that the places are multiples of */
    size_t *from, blocks;        /* of the values: block b holds bytes from[b] to from[b + 1] */
    size_t *device;              /* [blocks] number of the device that a block lies on */
    const struct params *shares; /* whose frozen parameters these are; NULL: own ones */
    struct arena *values;        /* elems + running floats, frozen bytes */
    struct arena *grads;         /* [elems] */
};

struct params *params_new(int decay_all);
void params_free(struct params *params);

/* The parameter `name` of this shape, made on first use. NULL on a misfit, and with params->failed
 * where memory runs out. */
struct tensor *params_get(struct params *params, const char *name, int rank, const size_t *dim,
                          int decay, enum init_kind init, double scale);

/* The same for a running statistic, which begins with `initial`: saved with the parameters, but
 * without gradient. */
struct tensor *params_get_running(struct params *params, const char *name, int rank,
                                  const size_t *dim, double initial);

/* Parameters, made from now on, whose names fit one of the patterns (fnmatch) are frozen. The
 * patterns stay the caller's. */
void params_freeze(struct params *params, char *const *pattern, size_t count);

/* A pattern of params_freeze() that fits no parameter; NULL: each fits. */
const char *params_unfrozen(const struct params *params);

/* Linear layers that are made from now on have this adapter where one of its targets fits. All
 * parameters but its own, made from now on, are frozen. */
void params_adapt(struct params *params, const struct adapter *adapter);

/* Whether a parameter is the model's own, beside the weights that it starts from: an adapter's, or
 * of params->own. */
int params_owns(const struct params *params, const char *name);

/* Whether the adapter is for the linear layer of this weight, which is there. */
int params_adapts(struct params *params, const char *weight);

/* A target of the adapter that fits no linear layer; NULL: each fits. */
const char *params_unadapted(const struct params *params);

/* Frozen matrices of linear layers, made from now on, are stored as `dtype`, a packed type, or as
 * they are (F32); frozen tables as `tables`, BF16 or F32. */
void params_quantize(struct params *params, enum dtype dtype, enum dtype tables);

/* That the weight of a linear layer, of `params`, is read by products alone: it is stored as
 * params_quantize() says if it is frozen, unless the layer makes the model's values (its name is
 * output.weight or lm_head.weight). */
void params_pack(struct params *params, struct tensor *weight);

/* That a parameter is the table of an embedding or of a head. */
void params_table(struct params *params, struct tensor *table);

/* Frozen weights of linear layers, made from now on, lie in the host's memory. */
void params_offload(struct params *params);

/* That the weight of a linear layer, of `params`, is read by way of a copy where it is in the
 * host's memory: whether it is. */
int params_host(struct params *params, const struct tensor *weight);

/* Bytes of frozen parameters on a device, after params_place(). */
uint64_t params_frozen_on(const struct params *params, size_t device);

/* Numbers and bytes of packed parameters. */
struct params_packed {
    size_t elems, bytes;
};
struct params_packed params_packed(const struct params *params);

/* Adds `by` to `count` initial values of the parameter `name` from element `from` on. */
void params_shift(struct params *params, const char *name, size_t from, size_t count, double by);

/* Another set of the same parameters, without gradients; its places are the same, and it has the
 * frozen ones in common with `of`, which is to outlive it. NULL without memory. */
struct params *params_twin(const struct params *of);

/* Number of parameters, as PyTorch counts them: without running statistics; and of a group. */
size_t params_count(const struct params *params);
size_t params_count_of(const struct params *params, enum param_group group);

/* Gives every parameter its place and fixes params->elems; `align` in bytes. */
void params_place(struct params *params, size_t align);

/* The `align` that all devices ask for on which parameters may lie. */
size_t params_align(struct device *first);

/* Allocates; training = 0 leaves out gradients. What a twin shares is there already. */
int params_allocate(struct params *params, struct device *dev, int training, struct error *err);

/* An arena of zeros with a place for each trained parameter; `what` names it in errors. */
struct arena *params_arena(const struct params *params, struct device *dev, const char *what,
                           struct error *err);

/* Draws initial values with Philox keyed by seed and each parameter's name. */
int params_init(struct params *params, uint64_t seed, struct error *err);

/* The same of an adapter's own parameters alone. */
int params_init_adapter(struct params *params, uint64_t seed, struct error *err);

/* Copies one parameter's values, gradient or state (params->values, grads, ...), as they are
 * stored.
 */
int params_read(const struct params *params, size_t index, const struct arena *arena, void *to,
                struct error *err);
int params_write(const struct params *params, size_t index, const struct arena *arena,
                 const void *from, struct error *err);

/* The same of floats, which are packed or rounded where the parameter is. */
int params_put(const struct params *params, size_t index, const struct arena *arena,
               const float *from, struct error *err);

#endif
