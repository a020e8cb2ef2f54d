/* SPDX-License-Identifier: MIT */
#include "train/augmented.h"

#include "exec/exec.h"
#include "lower/lower.h"
#include "models/model.h"
#include "train/feed.h"
#include "train/planned.h"

/* A feed of one batch and what reads it. */
struct reading_of {
    struct feed *feed;
    struct params *params;
    struct plan *plan;
    struct model_io io;
};

static int open_reading(struct reading_of *r, struct session *session, const struct config *config,
                        const struct dataset *data, const struct stage_shape *shape,
                        struct error *err)
{
    const struct model_shape extents = planned_shape(data, config, data->window);
    struct graph *g = NULL;
    if (!(r->feed = feed_open(session->dev, data, shape->batch, 1, shape, 1, err)))
        return -1;
    if (!(r->params = params_new(0)) ||
        !(g = model_windows(r->params, config, shape->batch, &extents, &r->feed->buffers, &r->io)))
        return error_set(err, STATUS_FAILED, "out of memory");
    r->io.input->keep = r->io.plain->keep = 1;
    return (r->plan = lower_graph(g, session->dev, err)) && !plan_place(r->plan, err) &&
                   !plan_check(r->plan, err) && !exec_prepare(r->plan, NULL, NULL, err)
               ? 0
               : -1;
}

int augmented_windows(struct session *session, const struct config *config,
                      const struct dataset *data, const uint32_t *start, size_t count,
                      size_t epochs, float *was, float *is, struct error *err)
{
    const struct stage_shape shape = {count, data->window, data->target_first, data->target_rows};
    const uint64_t seed = (uint64_t)config->run.seed;
    struct reading_of r = {0};
    int failed = open_reading(&r, session, config, data, &shape, err);
    for (size_t i = 0; i < epochs && !failed; i++) {
        const struct step step = {.count = (uint32_t)count,
                                  .epoch = (uint32_t)i + 1,
                                  .seed = {(uint32_t)seed, (uint32_t)(seed >> 32)}};
        failed = feed_order(r.feed, &shape, start, count, err) ||
                 tensor_write(r.plan->step, &step, err) || feed_next(r.feed, 0, count, err) ||
                 exec_run(r.plan, 0, r.plan->launch_count, err) ||
                 tensor_read(r.io.input, is + i * r.io.input->elems, err);
    }
    failed = failed || tensor_read(r.io.plain, was, err);
    plan_free(r.plan);
    params_free(r.params);
    feed_close(r.feed);
    return failed ? -1 : 0;
}
