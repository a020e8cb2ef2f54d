/* SPDX-License-Identifier: MIT */
/*
 * features: what the frozen encoder of a captioner makes of the clips of its data. What the cache
 * on disk has is used; the rest is computed, in batches, while threads read the images ahead, and
 * goes into the cache. It owns the open cache, from which the data take their clips from then on.
 * With encoder.cache = none it owns the encoder, which sees the clips of each batch when that is
 * made. Both give the same bits.
 */
#ifndef RUN_FEATURES_H
#define RUN_FEATURES_H

#include <signal.h>

#include "config/config.h"
#include "data/dataset.h"
#include "data/encoded_shape.h"
#include "exec/session.h"
#include "log/log.h"

struct features;

struct features_how {
    struct log *log;
    struct session_options session; /* of the device that computes */
    const volatile sig_atomic_t *interrupted;
};

/* Opens the cache for these data, which hold clips, and computes what it lacks. An interruption is
 * a failure; what was computed until then stays. */
struct features *features_open(const struct config *config, struct dataset *data,
                               const struct features_how *how, struct error *err);
void features_close(struct features *features);

/* Whether there is a cache. */
int features_are_kept(const struct config *config);

/* What the encoder of a configuration makes of a clip, by its config.json alone. */
int features_shape(const struct config *config, struct encoded_shape *to, struct error *err);

#endif
