/* SPDX-License-Identifier: MIT */
#include "exec/session.h"

#include <stdlib.h>

static struct device *open_device(const struct config *config, const char *select,
                                  const struct session_options *options, struct error *err)
{
    const struct device_options with = {.select = select,
                                        .memory_fraction = config->device.memory_fraction,
                                        .threads = config->device.threads,
                                        .measure = config->device.tuning == TUNING_MEASURE,
                                        .memory = config->device.memory,
                                        .units = options->units,
                                        .tf32 = config->device.tf32,
                                        .lasts = options->lasts,
                                        .roams = options->roams || config_splits(config)};
    struct device *dev = device_open(&with, err);
    if (!dev)
        return NULL;
    if (options->as_gpu)
        device_act_as_gpu(dev);
    if (options->walks)
        device_plan_walks(dev, options->units ? options->units : SESSION_UNITS);
    if (options->matrix)
        device_plan_matrix(dev, options->matrix, options->matrix_rate);
    if (options->emulates_matrix)
        device_emulate_matrix(dev, MATRIX_EMULATED);
    if (options->only_plans)
        device_only_plan(dev);
    device_on_build(dev, options->on_build, options->on_build_ctx);
    if (options->profile)
        device_watch(dev);
    return dev;
}

/* All devices on which the layers of a model lie; else the first alone. */
static struct device *open_devices(const struct config *config,
                                   const struct session_options *options, struct error *err)
{
    const struct list *select = &config->device.select;
    struct device *first = open_device(config, config_device(config), options, err);
    for (size_t i = 1; first && config_splits(config) && i < select->count; i++) {
        struct device *another = open_device(config, select->item[i], options, err);
        if (!another) {
            error_name_device(err, select->item[i]);
            device_close(first);
            return NULL;
        }
        device_put_beside(first, another);
    }
    return first;
}

struct session *session_open(const struct config *config, const struct session_options *options,
                             struct error *err)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    if (!(s->dev = open_devices(config, options, err))) {
        free(s);
        return NULL;
    }
    s->profile = options->profile;
    return s;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    device_close(session->dev);
    free(session);
}
