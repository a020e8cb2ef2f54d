/* SPDX-License-Identifier: MIT */
#include "train/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/captioned.h"
#include "exec/exec.h"
#include "train/budget.h"
#include "train/planned.h"
#include "train/teacher.h"

/* FNV-1a (Fowler, Noll, Vo) by words instead of bytes. */
static uint64_t hash_words(uint64_t hash, const void *words, size_t count)
{
    const unsigned char *at = words;
    for (size_t i = 0; i < count; i++, at += 4) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t hash_data(const struct dataset *data)
{
    uint64_t hash =
        hash_words(UINT64_C(0xcbf29ce484222325), dataset_rows(data), data->rows * data->features);
    for (int part = 0; part < PARTS; part++) {
        const uint64_t count = data->count[part];
        hash = hash_words(hash, &count, 2);
        hash = hash_words(hash, data->start[part], data->count[part]);
    }
    if (data->targets)
        hash = hash_words(hash, data->target, data->rows * data->targets);
    if (data->weight)
        hash = hash_words(hash, data->weight, data->rows);
    if (data->augment && data->augment->flag)
        hash = hash_words(hash, data->augment->flag, data->rows);
    if (data->captioned)
        hash = hash_words(hash, &data->captioned->hash, 2);
    return hash;
}

/* Memory and kernels of what is planned. */
static int prepare(struct engine *e, struct error *err)
{
    if (!(e->ring = device_host_new(e->dev, 2 * ENGINE_DEPTH * sizeof *e->ring)))
        return error_set(err, STATUS_FAILED, "out of memory");
    if (e->train && (plan_check(e->train, err) || exec_prepare(e->train, NULL, e->gemm, err) ||
                     (e->shards && shards_prepare(e->shards, e->io.metrics, err))))
        return -1;
    if (plan_check(e->eval, err) || exec_prepare(e->eval, e->train, e->gemm, err))
        return -1;
    e->bytes = device_bytes(e->dev) - e->others + planned_captions(e, 0);
    /* where products were measured, they have left something in the gradients */
    return e->train ? arena_zero(e->params->grads, err) : 0;
}

/* What is planned, where it fits the budget. */
static struct engine *open_planned(const struct config *config, const struct dataset *data,
                                   const struct engine_options *options, struct device *dev,
                                   struct error *err)
{
    struct engine_options with = *options;
    with.remakes = budget_remakes(config, data, options, dev);
    struct engine *e = planned_open(config, data, &with, dev, err);
    const size_t over = e ? planned_over(e) : 0;
    if (e && over < device_count(dev)) {
        budget_over(planned_bytes(e, over), device_at(dev, over), err);
        if (device_count(dev) > 1)
            error_name_device(err, config->device.select.item[over]);
        planned_close(e);
        e = NULL;
    }
    if (!e && err->cause == CAUSE_BUDGET)
        budget_advise(config, data, options, dev, err);
    if (!e || !options->gate.ask || !options->gate.ask(options->gate.ctx, e, err))
        return e;
    planned_close(e);
    return NULL;
}

struct engine *engine_open(const struct config *config, const struct dataset *data,
                           const struct engine_options *options, struct error *err)
{
    const int owns = !options->session || options->takes_session;
    struct session *session =
        options->session ? options->session : session_open(config, &options->own, err);
    struct engine *e = session ? open_planned(config, data, options, session->dev, err) : NULL;
    if (!e) {
        session_close(owns ? session : NULL);
        return NULL;
    }
    e->owns_session = owns;
    e->session = session;
    e->profiled.on = session->profile;
    e->gemm = planned_products(config, e->dev);
    e->data_hash = hash_data(data);
    if (!prepare(e, err))
        return e;
    engine_close(e);
    return NULL;
}

void engine_close(struct engine *e)
{
    struct error ignored;
    if (!e)
        return;
    device_finish(e->dev, &ignored); /* what still runs reads what is freed here */
    device_host_free(e->dev, e->ring);
    struct session *own = e->owns_session ? e->session : NULL;
    teacher_close(e->own_teacher);
    planned_close(e);
    session_close(own);
}

static int order(struct engine *e, const struct stage_shape *shape, const uint32_t *start,
                 size_t count, struct error *err)
{
    if (profile_turn(&e->profiled, TURN_NONE, e->dev, err))
        return -1;
    e->is_at_window = 0;
    return feed_order(e->feed, shape, start, count, err);
}

int engine_order(struct engine *e, const uint32_t *start, size_t count, struct error *err)
{
    const struct stage_shape shape = planned_batches(e, 0, planned_windows(e->config));
    return order(e, &shape, start, count, err);
}

static int run(struct engine *e, struct plan *p, size_t from, size_t to, struct error *err)
{
    int watched = e->profiled.on && (p == e->eval || e->profiled.turn == TURN_WATCHED);
    return watched ? exec_run_profiled(p, from, to, err) : exec_run(p, from, to, err);
}

/* The step to the device, in its turn. */
static int send_step(struct engine *e, struct plan *p, const struct step *step, struct error *err)
{
    if (device_pace(e->dev, e->feed->stage ? 1 : ENGINE_DEPTH, err))
        return -1;
    struct step *slot = &e->ring[e->ring_next++ % (2 * ENGINE_DEPTH)];
    *slot = *step;
    return buffer_send(p->step->buffer, 0, sizeof *slot, slot, err);
}

static int send_batch(struct engine *e, struct plan *p, const struct step *step, struct error *err)
{
    if (send_step(e, p, step, err) || feed_next(e->feed, step->first, step->count, err))
        return -1;
    atomic_fetch_add(&e->batches, 1);
    return 0;
}

/* Forward and backward of a micro-batch, or of a shard of it. */
static int run_batch(void *ctx, const struct step *step, struct error *err)
{
    struct engine *e = ctx;
    return send_batch(e, e->train, step, err) || run(e, e->train, 0, e->micro, err) ? -1 : 0;
}

int engine_micro(struct engine *e, const struct step *step, struct error *err)
{
    if (profile_step(&e->profiled, e->dev, err))
        return -1;
    e->step = *step;
    e->gathered = 0;
    if (e->shards)
        shards_watch(e->shards, e->profiled.on && e->profiled.turn == TURN_WATCHED);
    return e->shards ? shards_micro(e->shards, step, run_batch, e, err) : run_batch(e, step, err);
}

int engine_gather(struct engine *e, struct error *err)
{
    if (e->gathered)
        return 0;
    profile_step_done(&e->profiled);
    e->gathered = 1;
    /* the shards of this rank may have been without windows: no step of theirs was sent */
    return e->shards && (shards_step(e->shards, err) || send_step(e, e->train, &e->step, err)) ? -1
                                                                                               : 0;
}

int engine_update(struct engine *e, struct error *err)
{
    if (engine_gather(e, err))
        return -1;
    return run(e, e->train, e->micro, e->train->launch_count, err);
}

int engine_read_metrics(struct engine *e, struct metrics *metrics, struct error *err)
{
    return profile_turn(&e->profiled, TURN_NONE, e->dev, err) ||
                   tensor_read(e->io.metrics, metrics, err)
               ? -1
               : 0;
}

int engine_write_metrics(struct engine *e, const struct metrics *metrics, struct error *err)
{
    return tensor_write(e->io.metrics, metrics, err);
}

/* Output and input are [B T, F] or [B, T, F]: count samples, not rows. */
static int read_samples(const struct tensor *t, size_t batch, size_t from, size_t count, float *to,
                        struct error *err)
{
    if (!to)
        return 0;
    size_t elems = t->elems / batch;
    return buffer_read(t->buffer, 0, count * elems * sizeof *to, to + from * elems, err);
}

/* BCE takes logits; what a user sees is a probability. */
static void sigmoid(float *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)(1 / (1 + exp(-(double)y[i])));
}

/* What becomes of the batches of an evaluation. */
struct taken {
    const struct outputs *out;
    struct evaluation *sum; /* NULL: what each batch says is kept */
    float *values;          /* [terms, batch] of one batch, or of each */
};

/* Windows [first, first + n) of those that were ordered, which begin at rows `start`[n]. */
struct ran {
    size_t first, n;
    const uint32_t *start;
    int fresh; /* the first one goes on from no rows before */
};

/* What the substitute makes of the windows of a batch. */
static void substitute_batch(const struct engine *e, const struct ran *ran, float *output)
{
    const size_t each = e->eval_io.output->elems / e->eval_batch;
    for (size_t i = 0; i < ran->n; i++)
        e->substitute.answer(e->substitute.ctx, i || ran->fresh,
                             e->data->series + ran->start[i] * e->data->features,
                             e->eval_io.input->dim[1], output + i * each);
}

/* A batch has run. 1 or -1: an end. */
static int take_batch(struct engine *e, const struct taken *t, const struct ran *ran,
                      struct error *err)
{
    const size_t first = ran->first, n = ran->n;
    const struct terms *terms = &e->eval_io.terms;
    const struct outputs *out = t->out;
    const size_t batch = e->eval_batch, at = out->each ? 0 : first;
    const int logits = e->eval_io.target && e->config->loss.target == LOSS_BCE;
    float *values = t->sum ? t->values : t->values + first * terms->count;
    /* one wait for all terms, and also where one failed: what was asked for may still come */
    const int failed = evaluation_fetch(terms, n, batch, values, err);
    if (device_finish(e->dev, failed ? &(struct error){0} : err) || failed ||
        read_samples(e->eval_io.latent, batch, at, n, out->latent, err) ||
        read_samples(e->eval_io.output, batch, at, n, out->output, err) ||
        read_samples(e->eval_io.input, batch, at, n, out->input, err) ||
        read_samples(e->eval_io.rows, batch, at, n, out->rows, err))
        return -1;
    if (e->substitute.answer && out->output)
        substitute_batch(e, ran, out->output + at * (e->eval_io.output->elems / batch));
    if (t->sum)
        evaluation_add(terms, n, batch, values, t->sum);
    if (out->value && terms->term[0].over == TERM_SAMPLES)
        memcpy(out->value + at, values, n * sizeof *values);
    if (logits && out->output)
        sigmoid(out->output + at * (e->eval_io.output->elems / batch),
                n * (e->eval_io.output->elems / batch));
    return out->each ? out->each(out->ctx, out, first, n) : 0;
}

/* Runs the batches of these windows. 1 or -1: an end. */
static int run_batches(struct engine *e, const uint32_t *start, size_t count,
                       const struct taken *taken, struct error *err)
{
    struct plan *p = e->eval;
    const size_t batch = e->eval_batch;
    const struct stage_shape shape = planned_batches(e, 1, batch);
    int failed = order(e, &shape, start, count, err);
    for (size_t first = 0; !failed && first < count; first += batch) {
        size_t n = count - first < batch ? count - first : batch;
        const struct step step = {.first = (uint32_t)first,
                                  .count = (uint32_t)n,
                                  .group = (uint32_t)n,
                                  .seed = {(uint32_t)e->config->run.seed, 0}};
        int fresh =
            p->carries && (!first || !dataset_goes_on(e->data, start[first - 1], start[first]));
        failed = -((fresh && exec_forget(p, err)) || send_batch(e, p, &step, err) ||
                   run(e, p, 0, p->launch_count, err));
        if (!failed)
            failed = take_batch(e, taken,
                                &(struct ran){first, n, start + first, fresh || !p->carries}, err);
    }
    feed_end(e->feed);
    return failed;
}

int engine_evaluate(struct engine *e, const uint32_t *start, size_t count,
                    const struct outputs *outputs, struct evaluation *result, struct error *err)
{
    static const struct outputs nothing;
    const struct terms *terms = &e->eval_io.terms;
    *result = (struct evaluation){0};
    if (!count)
        return 0;
    float *room = calloc(e->eval_batch * terms->count, sizeof *room);
    if (!room)
        return error_set(err, STATUS_FAILED, "out of memory");
    const struct taken taken = {outputs ? outputs : &nothing, result, room};
    int failed = evaluation_begin(terms, result, err);
    if (!failed)
        failed = run_batches(e, start, count, &taken, err);
    free(room);
    if (failed)
        return failed < 0 ? -1 : 1;
    return evaluation_end(terms, count, result, err);
}

/* --- one window that comes */

/* The rows of the window to the device, and where it lies there. */
static int send_window(struct engine *e, struct error *err)
{
    const struct dataset *data = e->data;
    const struct stage_shape shape = planned_batches(e, 1, e->eval_batch);
    if (!e->is_at_window && order(e, &shape, data->start[PART_TEST], e->eval_batch, err))
        return -1;
    e->is_at_window = 1;
    return buffer_send(e->feed->buffers.series, 0, shape.window * data->features * sizeof(float),
                       dataset_rows(data), err);
}

size_t engine_window_elems(const struct engine *e)
{
    return e->eval_io.output->elems / e->eval_batch;
}

int engine_window(struct engine *e, int fresh, float *output, struct error *err)
{
    struct plan *p = e->eval;
    const size_t elems = engine_window_elems(e);
    const struct step step = {.count = (uint32_t)e->eval_batch,
                              .group = (uint32_t)e->eval_batch,
                              .seed = {(uint32_t)e->config->run.seed, 0}};
    if (e->feed->stage)
        return error_set(err, STATUS_FAILED, "the rows of a window that comes are resident");
    if (send_window(e, err) || (fresh && p->carries && exec_forget(p, err)) ||
        send_step(e, p, &step, err) || run(e, p, 0, p->launch_count, err) ||
        buffer_read(e->eval_io.output->buffer, 0, elems * sizeof *output, output, err))
        return -1;
    atomic_fetch_add(&e->batches, 1);
    if (e->eval_io.target && e->config->loss.target == LOSS_BCE)
        sigmoid(output, elems);
    return 0;
}

int engine_window_latent(struct engine *e, float *latent, struct error *err)
{
    const size_t bytes = (size_t)e->config->model.latent * sizeof *latent;
    return buffer_read(e->eval_io.latent->buffer, 0, bytes, latent, err);
}

/* --- by all ranks */

/* The first of the windows that a rank evaluates: batches are dealt in a row. */
static size_t first_of(const struct engine *e, int rank, size_t count)
{
    const size_t batches = (count + e->eval_batch - 1) / e->eval_batch;
    const size_t first = batches * (size_t)rank / (size_t)comm_size(e->comm) * e->eval_batch;
    return first < count ? first : count;
}

/* What each rank has kept goes to all, by way of rank 0. */
static int share_values(struct engine *e, float *values, size_t count, struct error *err)
{
    const size_t terms = e->eval_io.terms.count;
    const size_t batches = (count + e->eval_batch - 1) / e->eval_batch;
    const int me = comm_rank(e->comm);
    for (int rank = 1; rank < comm_size(e->comm); rank++) {
        const size_t from = first_of(e, rank, count), to = first_of(e, rank + 1, count);
        float *at = values + from * terms;
        const size_t bytes =
            (to < count ? to - from : batches * e->eval_batch - from) * terms * sizeof *at;
        if (from < to && ((me == rank && comm_send(e->comm, 0, at, bytes, err)) ||
                          (!me && comm_receive(e->comm, rank, at, bytes, err))))
            return -1;
    }
    return comm_share(e->comm, values, batches * e->eval_batch * terms * sizeof *values, err);
}

int engine_evaluate_together(struct engine *e, const uint32_t *start, size_t count,
                             struct evaluation *result, struct error *err)
{
    static const struct outputs nothing;
    const struct terms *terms = &e->eval_io.terms;
    if (!e->comm || !count || e->eval->carries || !evaluation_divides(terms))
        return engine_evaluate(e, start, count, NULL, result, err);
    const size_t batch = e->eval_batch, batches = (count + batch - 1) / batch;
    const size_t from = first_of(e, comm_rank(e->comm), count);
    const size_t own = first_of(e, comm_rank(e->comm) + 1, count) - from;
    *result = (struct evaluation){0};
    float *values = calloc(batches * batch * terms->count, sizeof *values);
    if (!values)
        return error_set(err, STATUS_FAILED, "out of memory");
    const struct taken taken = {&nothing, NULL, values + from * terms->count};
    int failed = own ? run_batches(e, start + from, own, &taken, err) : 0;
    if (!failed)
        failed = share_values(e, values, count, err);
    for (size_t first = 0; !failed && first < count; first += batch)
        evaluation_add(terms, count - first < batch ? count - first : batch, batch,
                       values + first * terms->count, result);
    free(values);
    return failed ? -1 : evaluation_end(terms, count, result, err);
}

size_t engine_batch(const struct engine *e)
{
    return e->eval_batch;
}

double engine_waited(const struct engine *e)
{
    return e->feed->stage ? stage_waited(e->feed->stage) : (double)NAN;
}
