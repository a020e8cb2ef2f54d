/* SPDX-License-Identifier: MIT */
/*
 * case: a known answer of an operation: how its graph is built and what its reference is. case.c
 * runs one, cases.c has the table. Arrays of a `struct known` belong to it.
 */
#ifndef KNOWN_CASE_H
#define KNOWN_CASE_H

#include "ir/graph.h"
#include "known/reference.h"

enum known_role {
    KNOWN_ABSENT,
    KNOWN_INPUT, /* its gradient is looked at */
    KNOWN_PLAIN, /* takes no gradient */
    KNOWN_PARAM, /* made by the op under its name */
    KNOWN_KEPT,  /* a statistic that the op keeps under its name */
};

struct plan;
struct known_slot {
    const char *name;
    enum known_role role;
    size_t elems;
    double low, high; /* between which its numbers are drawn */
    struct tensor *tensor;
    float *values, *got; /* [elems]; of an output: the gradient that arrives, and what came of it */
};

struct known {
    const struct known_case *of;
    struct ref r;
    struct known_slot in[REF_INPUTS], out[REF_OUTPUTS];
    uint32_t *samples, *numbers; /* [b] and [b t] */
    int failed;                  /* memory ran out */
};

/* On which devices: all, but where TF32 may be taken; GPUs, as a CPU would compute it as another
 * case; those that may take TF32, which rounds it. */
enum known_where { KNOWN_ANYWHERE, KNOWN_ON_GPUS, KNOWN_BY_TF32 };

struct known_case {
    const char *family, *what;
    void (*slots)(struct known *k); /* which inputs and outputs there are */
    void (*build)(struct graph *g, struct known *k);
    void (*forward)(struct ref *r);
    void (*back)(struct ref *r);
    struct ref shape;
    enum dtype stored; /* how activations are stored */
    int is_smooth;     /* halves are judged one by one as fp32 is: it has no kink */
    double allowed; /* 0: 1e-5 in fp32, 2^-5 in bfloat16, 2^-8 in half, twice that where smooth */
    int is_loss;
    enum known_where where;
};

extern const struct known_case known_cases[];
extern const size_t known_case_count;

/* Runs a case, forward and backward: *apart is the largest deviation of an output or a gradient,
 * relative to its element and to the root mean square of all. */
int known_run(const struct known_case *of, struct device *dev, double *apart, struct error *err);

/* The launches of a case, not placed. */
struct plan *known_plan(const struct known_case *of, struct device *dev, struct params *params,
                        struct error *err);

/* What is allowed of it. */
double known_allowed(const struct known_case *of);

/* Input i as rows of samples [B, T, columns]. */
struct tensor *known_rows(struct graph *g, struct known *k, int i, size_t columns);

/* Input i as one row a sample. */
struct tensor *known_row(struct graph *g, struct known *k, int i);

/* The nearest number of a type, F32, BF16 or F16. */
float known_rounded(float x, enum dtype type);

/* Whether this device is tried by it. */
int known_is_for(const struct known_case *of, const struct device_info *info);

/* Random numbers of the same seed each time, in [low, high). */
float known_draw(uint32_t stream, size_t index, double low, double high);

#endif
