/* SPDX-License-Identifier: MIT */
/*
 * engine: a model on a device, ready to run micro-batches. It owns the parameters, the feed
 * and the training and evaluation graphs, and its session unless it stands on a given one;
 * configuration, data and that session stay the caller's and must outlive it. Architectures are
 * seen through models/model.h alone.
 */
#ifndef TRAIN_ENGINE_H
#define TRAIN_ENGINE_H

#include <stdatomic.h>

#include "config/config.h"
#include "data/dataset.h"
#include "exec/profile.h"
#include "exec/session.h"
#include "lower/plan.h"
#include "lower/step.h"
#include "models/model.h"
#include "optim/optim.h"
#include "train/evaluation.h"
#include "train/feed.h"
#include "train/shards.h"

struct teacher;

/* Who answers in the place of the model, window by window in the order of an evaluation: output
 * [T, K] of `rows` [T, F] as the model reads them. `fresh`: they go on from no rows before. */
struct substitute {
    void (*answer)(void *ctx, int fresh, const float *rows, size_t count, float *output);
    void *ctx;
};

#define ENGINE_DEPTH 4 /* micro-batches in the queue */

struct engine {
    const struct config *config;
    const struct dataset *data;
    struct session *session;
    struct device *dev; /* the session's */
    const struct gemm_provider *gemm;
    struct params *params; /* what is trained */
    struct params *judged; /* what evaluation reads and predictions take: the same, or their moving
                              average */
    const struct teacher *teacher; /* who is asked in training; NULL: nobody */
    struct teacher *own_teacher;   /* the same where it is the engine's */
    struct params *taught;         /* its parameters; NULL: nobody is asked */
    struct optim optim;            /* its slots are empty in an engine that only evaluates */
    struct feed *feed;
    uint64_t taught_hash;      /* of the teacher's weights; 0: there is none */
    uint64_t data_hash;        /* of series, targets, weights and the windows of each part */
    struct plan *train, *eval; /* train is NULL in an engine that only evaluates */
    struct model_io io, eval_io;
    struct shards *shards; /* NULL: a micro-batch is one, and no other rank trains */
    struct comm *comm;     /* the ranks that train together; NULL: alone */
    struct step step;      /* of the latest micro-batch */
    int gathered;          /* the gradients of its step are whole */
    size_t micro;          /* launches of a micro-batch; what follows in `train` is the update */
    size_t eval_batch;     /* windows in a batch of evaluation */
    struct step *ring;     /* [2 * ENGINE_DEPTH], what was sent stays until the device has it */
    unsigned ring_next;
    int is_at_window;             /* the order is that of engine_window() */
    struct substitute substitute; /* of outputs that engine_evaluate() gives, but of no figure; its
                                     windows are resident. answer is NULL: nobody */
    atomic_ulong batches;         /* sent to the device: grows as long as it works */
    struct profile profiled;
    uint64_t bytes, others; /* of the device, that it takes at most, and that were taken before */
    int owns_session;
};

/* Who is asked, before a plan takes any of the device's memory, whether it may: 0, or -1. */
struct engine_gate {
    int (*ask)(void *ctx, const struct engine *planned, struct error *err); /* NULL: nobody */
    void *ctx;
};

/* What is made again: so many nodes where that is cheap, and so many layers; SIZE_MAX: all. */
struct remakes {
    size_t nodes, layers;
};

struct engine_options {
    int training;
    const struct teacher *teacher; /* that loss.teacher names, of a training (train/teacher.h); the
                                      caller's, and it must outlive the engine */
    struct remakes remakes;     /* with train.recompute = auto, as needed; engine_open() finds it */
    int resumes;                /* a refusal names only what --resume lets differ */
    int shows_rows;             /* what the model's head reads is an output: outputs.rows */
    int scattered;              /* one poisoned buffer per tensor (debugging) */
    struct session *session;    /* to stand on, beside others; NULL: on one of its own, */
    int takes_session;          /* `session` is the engine's from now on, whatever comes of it */
    struct session_options own; /* opened like this */
    struct comm *comm;          /* the ranks that train together; NULL: this one is alone */
    struct engine_gate gate;
};

/* Everything but values of the parameters. */
struct engine *engine_open(const struct config *config, const struct dataset *data,
                           const struct engine_options *options, struct error *err);
void engine_close(struct engine *e);

/* First rows of the samples, in the order in which micro-batches take them; they stay until all are
 * taken or another order comes. Waits. */
int engine_order(struct engine *e, const uint32_t *start, size_t count, struct error *err);

/* Enqueues one micro-batch, forward and backward; step->first, count and group say which samples.
 */
int engine_micro(struct engine *e, const struct step *step, struct error *err);

/* The gradients of the step, those of all shards and ranks together, are in params->grads from now
 * on; the update, which does the same, takes them away. */
int engine_gather(struct engine *e, struct error *err);

/* Enqueues the optimizer's update; `step` is that of the last micro-batch. */
int engine_update(struct engine *e, struct error *err);

/* The epoch's sums so far. Waits. Writing them starts or continues an epoch. */
int engine_read_metrics(struct engine *e, struct metrics *metrics, struct error *err);
int engine_write_metrics(struct engine *e, const struct metrics *metrics, struct error *err);

/*
 * Forward passes over windows. Figures of all of them whatever the batch, as each term says. Takes
 * the place of engine_order()'s samples. What is not NULL is filled: value[count] (the first term
 * of each), latent [count, latent], output [count, T, F], input [count, T, F], rows [count, T, D]
 * of an engine that shows them.
 */
struct outputs {
    float *value, *latent, *output, *input, *rows;
    /* Called after each batch of windows [first, first + n), with what it has filled: then the
     * arrays hold one batch of engine_batch() windows each, not all. 1 or -1 ends the evaluation.
     */
    int (*each)(void *ctx, const struct outputs *batch, size_t first, size_t n);
    void *ctx;
};
int engine_evaluate(struct engine *e, const uint32_t *start, size_t count,
                    const struct outputs *outputs, struct evaluation *result, struct error *err);

/*
 * The same of one window, for an engine whose dataset is a window alone that its caller writes anew
 * (data/live.h), in the batch as often as it says: output [T, F] gets what engine_evaluate() gives,
 * to the same bits. An engine that goes along the rows with a state (its windows are
 * data->eval_window rows) keeps it from call to call; `fresh`: it begins anew. The windows are
 * resident. Nothing is allocated.
 */
int engine_window(struct engine *e, int fresh, float *output, struct error *err);

/* The latent vector of the window that engine_window() ran last; it is for a model that has one. */
int engine_window_latent(struct engine *e, float *latent, struct error *err);

/* Numbers that engine_window() writes. */
size_t engine_window_elems(const struct engine *e);

/* The same by all ranks together, to the same bits: each runs a part of the batches, where no
 * figure needs them all in one place. */
int engine_evaluate_together(struct engine *e, const uint32_t *start, size_t count,
                             struct evaluation *result, struct error *err);

/* Seconds for which batches were waited for so far; NaN where all windows are resident. */
double engine_waited(const struct engine *e);

/* Windows in a batch of evaluation. */
size_t engine_batch(const struct engine *e);

#endif
