/* SPDX-License-Identifier: MIT */
#include "run/stream.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "data/reading.h"
#include "models/model.h"
#include "run/prepare.h"
#include "run/stream_batch.h"
#include "run/trained.h"

static int no_memory(const char *path, struct error *err)
{
    return error_set(err, STATUS_FAILED, "%s: out of memory", path);
}

/* --- opening */

/* The range of time is that of the files of training, and windows that come lie on the device. */
static int settle(struct config *config, const struct stream_options *options, struct error *err)
{
    static const struct {
        const char *name, *key, *value;
    } keys[] = {{"data.from", "from", ""},
                {"data.to", "to", ""},
                {"data.days", "days", "0"},
                {"data.feed", "feed", "resident"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int is_set = 0;
        for (size_t k = 0; k < options->count; k++)
            is_set |= reading_sets(options->settings[k], keys[i].name);
        if (!is_set && config_set(config, "data", keys[i].key, keys[i].value, err))
            return -1;
    }
    model_compares_none(config);
    return 0;
}

/* Rows that are answered as they come have no future for a second direction to come from. */
static int check_directions(const struct config *c, struct error *err)
{
    if (c->data.target_rows != TARGET_WINDOW || !c->data.targets.count || !c->model.bidirectional ||
        !model_of(c)->carries)
        return 0;
    return error_set(err, STATUS_USAGE,
                     "[model] bidirectional: the model answers each row by the rows before and "
                     "behind it, and rows that come are answered before there are any behind");
}

/* Whether the model goes along the rows with its state; layers of attention see a window. */
static int is_by_row(const struct config *c)
{
    return c->data.eval_window > 0 && model_of(c)->carries && !c->model.bidirectional &&
           !c->model.attention_layers;
}

static int open_engine(struct stream *s, struct error *err)
{
    struct engine_options with = prepare_engine(s->options.log, 0, 0);
    with.own.roams = s->options.is_guest;
    struct session *session = s->options.session;
    if (!session && !(session = s->own = session_open(s->checkpoint.config, &with.own, err)))
        return -1;
    if (!(s->engine = stream_batch_open(s, session, err)) ||
        trained_load(&s->checkpoint, s->path, s->engine, err))
        return -1;
    s->output = calloc(engine_window_elems(s->engine) + 1, sizeof *s->output);
    return s->output ? 0 : no_memory(s->path, err);
}

static int open_in(struct stream *s, const char *path, struct error *err)
{
    const struct stream_options *o = &s->options;
    if (!(s->path = trained_path(path)))
        return no_memory(path, err);
    if (trained_read(&s->checkpoint, s->path, NULL, o->settings, o->count, err))
        return -1;
    const struct config *c = s->checkpoint.config;
    if (settle(s->checkpoint.config, o, err) || check_directions(c, err))
        return error_prefix(err, "%s", s->path);
    s->by_row = is_by_row(c);
    if (!(s->live = live_open(c, &s->checkpoint.fitted, s->by_row, o->log, err)))
        return error_prefix(err, "%s", s->path);
    if (o->check && o->check(s->live, err))
        return -1;
    return open_engine(s, err);
}

struct stream *stream_open(const char *path, const struct stream_options *options,
                           struct error *err)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s) {
        no_memory(path, err);
        return NULL;
    }
    s->options = *options;
    if (!open_in(s, path, err))
        return s;
    stream_close(s);
    return NULL;
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    engine_close(s->engine);
    session_close(s->own);
    live_close(s->live);
    checkpoint_fini(&s->checkpoint);
    free(s->output);
    free(s->path);
    free(s);
}

/* --- rows */

enum live_taken stream_push(struct stream *s, const struct live_row *row, struct error *err)
{
    const enum live_taken taken = live_push(s->live, row, err);
    if (taken != LIVE_WINDOW)
        return taken;
    if (!engine_window(s->engine, live_is_fresh(s->live), s->output, err))
        return LIVE_WINDOW;
    err->status = STATUS_DEVICE;
    return LIVE_REFUSED;
}

/* --- another checkpoint */

static int is_among(const char *const *list, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i], key))
            return 1;
    return 0;
}

/* Whether models that differ in a key are still of the same rows and the same parameters. */
static int is_free(const char *section, const char *key)
{
    static const char *const of_model[] = {"init", "base", "freeze", "initialisation"};
    static const char *const not_of_data[] = {"features", "targets",     "target_rows",
                                              "horizon",  "window",      "scaler",
                                              "stride",   "eval_window", "target_display"};
    return strcmp(section, "model")
               ? !is_among(not_of_data, sizeof not_of_data / sizeof *not_of_data, key)
               : is_among(of_model, sizeof of_model / sizeof *of_model, key);
}

/* Whether two configurations are of the same rows and the same layers. */
static int check_alike(const struct config *was, const struct config *now, struct error *err)
{
    static const char *const sections[] = {"data", "model"};
    json_t *a = config_json(was), *b = config_json(now), *value;
    const char *key;
    int failed = a && b ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < 2 && !failed; i++) {
        json_t *then = json_object_get(a, sections[i]), *here = json_object_get(b, sections[i]);
        json_object_foreach(then, key, value)
        {
            if (!failed && !is_free(sections[i], key) &&
                !json_equal(value, json_object_get(here, key)))
                failed = error_set(err, STATUS_INPUT,
                                   "%s.%s is another one than that of the model that is in use",
                                   sections[i], key);
        }
    }
    if (!failed && was->loss.target != now->loss.target)
        failed = error_set(err, STATUS_INPUT,
                           "loss.target is another one than that of the model that is in use");
    json_decref(a);
    json_decref(b);
    return failed;
}

/* Weights into an engine of their own, which is thrown away: whether they can be had at all, found
 * out while those in use stay. */
static int try_weights(struct stream *s, struct checkpoint *c, struct error *err)
{
    struct engine_options with = prepare_engine(s->options.log, 0, 0);
    with.session = s->engine->session;
    struct engine *e =
        prepare_open(s->checkpoint.config, live_data(s->live), with, s->options.log, err);
    const int failed = !e || trained_load(c, s->path, e, err);
    engine_close(e);
    return failed ? -1 : 0;
}

/* What of the fitted figures is taken over; the old ones go with the checkpoint. */
static void take_fitted(struct stream *s, struct checkpoint *c)
{
    struct fitted *to = &s->checkpoint.fitted, *from = &c->fitted, was = *to;
    to->scaler = from->scaler;
    to->transform = from->transform;
    to->target_range = from->target_range;
    from->scaler = was.scaler;
    from->transform = was.transform;
    from->target_range = was.target_range;
    s->checkpoint.epoch = c->epoch;
}

static int take(struct stream *s, struct checkpoint *c, struct error *err)
{
    if (check_alike(s->checkpoint.config, c->config, err) || try_weights(s, c, err) ||
        live_refit(s->live, &c->fitted, err) || trained_load(c, s->path, s->engine, err))
        return -1;
    take_fitted(s, c);
    return 0;
}

int stream_reload(struct stream *s, struct error *err)
{
    struct checkpoint c;
    const struct stream_options *o = &s->options;
    if (trained_read(&c, s->path, NULL, o->settings, o->count, err))
        return -1;
    const int failed = settle(c.config, o, err) || take(s, &c, err);
    checkpoint_fini(&c);
    return failed ? -1 : 0;
}
