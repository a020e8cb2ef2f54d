/* SPDX-License-Identifier: MIT */
/*
 * generator: a language model that goes on with a text, token by token. Keys and values of the rows
 * so far lie in a cache on the device, so that each new token costs one row. It has a device and
 * parameters of its own, or stands on those of somebody else, and has the cache and the graphs over
 * both: one that reads many rows, one that reads a row and gives the logits behind it, and of a
 * captioner one that reads what its encoder makes of a clip.
 */
#ifndef TASK_GENERATOR_H
#define TASK_GENERATOR_H

#include "config/config.h"
#include "exec/session.h"
#include "lower/plan.h"
#include "params/params.h"

struct generator;

/* Without values of the parameters; `config` stays the caller's. */
struct generator *generator_open(const struct config *config, size_t vocabulary,
                                 const struct session_options *options, struct error *err);

/* The same on a session whose memory holds these parameters. `beside` is a prepared plan whose
 * activations are free while this one runs. All three stay the caller's. */
struct generator *generator_open_on(const struct config *config, size_t vocabulary,
                                    struct session *session, struct params *params,
                                    struct plan *beside, struct error *err);
void generator_close(struct generator *g);

struct params *generator_params(struct generator *g);
struct device *generator_device(struct generator *g);

/* The most tokens that the model sees. */
size_t generator_window(const struct generator *g);

/* Device memory of the cache. */
size_t generator_cache_bytes(const struct generator *g);

/* Forgets the text so far. */
void generator_begin(struct generator *g);

/* Forgets the clip and the text so far; the text to come is of the clip of these features, [R, C].
 * Of a captioner, before its first text. */
int generator_see(struct generator *g, const float *clip, struct error *err);

/*
 * Reads tokens behind those so far, at least one, and gives the logits behind the last, [V], until
 * the next call. Where they do not fit, what is furthest back is forgotten: of a text beyond the
 * window its second half stays, and is read again as one that begins there.
 */
float *generator_read(struct generator *g, const uint32_t *token, size_t count, struct error *err);

#endif
