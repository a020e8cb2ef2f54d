/* SPDX-License-Identifier: MIT */
/*
 * planned: an engine as far as it is known before anything runs: its parameters, its feed and its
 * plans, on a device. On the twin of a device (device_twin()) nothing is taken of that device's
 * memory: so one asks what another configuration would need. engine.c makes of it what can run.
 */
#ifndef TRAIN_PLANNED_H
#define TRAIN_PLANNED_H

#include "train/encoder.h"
#include "train/engine.h"

/* The parameters of a configuration, of which a graph makes each; what does not train is frozen
 * where `training`, or where it is packed or lies elsewhere than on the first device. NULL without
 * memory. */
struct params *planned_params(const struct config *config, int training);

/* Data and configuration stay the caller's, and so does the device. */
struct engine *planned_open(const struct config *config, const struct dataset *data,
                            const struct engine_options *options, struct device *dev,
                            struct error *err);
void planned_close(struct engine *e);

/* Bytes of a device in use when the plans have their memory and an evaluation writes captions, with
 * those of others there. */
uint64_t planned_bytes(const struct engine *e, size_t device);

/* Number of the first device whose budget that is more than; the number of devices: none is. */
size_t planned_over(const struct engine *e);

/* What of a plan lies on each device (model.split): frozen parameters and activations. */
struct planned_part {
    uint64_t frozen, activations;
};
struct planned_part planned_part(const struct engine *e, size_t device);

/* Bytes of keys and values of a device's layers, while an evaluation writes captions. */
uint64_t planned_cache(const struct engine *e, size_t device);

/* Bytes of a device while an evaluation writes captions, or behind that compares them with their
 * clips: the larger of both. */
uint64_t planned_captions(const struct engine *e, size_t device);

/* What compares captions with clips, by the frozen encoder's tower of texts. */
struct encoder_options planned_texts(const struct config *config, struct session *session);

/* By arena what the engine itself takes of the first device. */
struct planned_memory {
    uint64_t parameters, teacher, gradients, optimizer, activations, data;
    uint64_t captions; /* planned_captions() */
    uint64_t other;
};
struct planned_memory planned_memory(const struct engine *e);

/* Extents of a graph over windows of so many rows. */
struct model_shape planned_shape(const struct dataset *data, const struct config *config,
                                 size_t window);

/* Windows that the launches of training take at a time: a micro-batch, or a shard of it. */
size_t planned_windows(const struct config *config);

/* Extents of the batches of training, or of an evaluation. */
struct stage_shape planned_batches(const struct engine *e, int evaluating, size_t batch);

/* Who makes products of this configuration on a device; NULL: the one that is measured. */
const struct gemm_provider *planned_products(const struct config *config, const struct device *dev);

#endif
