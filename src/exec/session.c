/* SPDX-License-Identifier: MIT */
#include "exec/session.h"

#include <stdlib.h>

struct session *session_open(const struct config *config, const struct session_options *options,
                             struct error *err)
{
    const struct device_options with = {.select = config_device(config),
                                        .memory_fraction = config->device.memory_fraction,
                                        .threads = config->device.threads,
                                        .measure = config->device.tuning == TUNING_MEASURE,
                                        .memory = config->device.memory};
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    if (!(s->dev = device_open(&with, err))) {
        free(s);
        return NULL;
    }
    s->profile = options->profile;
    if (options->as_gpu)
        device_act_as_gpu(s->dev);
    if (options->only_plans)
        device_only_plan(s->dev);
    device_on_build(s->dev, options->on_build, options->on_build_ctx);
    if (options->profile)
        device_watch(s->dev);
    return s;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    device_close(session->dev);
    free(session);
}
