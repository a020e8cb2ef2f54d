/* SPDX-License-Identifier: MIT */
#include "train/teacher.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "data/transform.h"
#include "util/content.h"
#include "util/file.h"

/* The file of the key: of a run folder its best checkpoint. NULL without memory. */
static char *path_of(const char *key)
{
    return file_is_folder(key) ? file_join(key, "best.safetensors") : strdup(key);
}

/* --- what must be the same */

static int differs(const char *path, const char *what, struct error *err)
{
    return error_set(err, STATUS_USAGE,
                     "[loss] teacher: %s is not that of %s: a teacher reads the same windows and "
                     "gives the same outputs",
                     what, path);
}

/* The keys by which windows and outputs are what they are. */
static int check_keys(const struct teacher *t, const struct config *config, struct error *err)
{
    static const char *const keys[] = {"features",         "targets",  "target_rows",
                                       "horizon",          "window",   "scaler",
                                       "target_transform", "channels", "look_back"};
    json_t *then = config_json(t->checkpoint.config), *now = config_json(config);
    const char *key = NULL;
    const int failed = !then || !now;
    for (size_t i = 0; !failed && !key && i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(json_object_get(then, "data"), keys[i]),
                        json_object_get(json_object_get(now, "data"), keys[i])))
            key = keys[i];
    json_decref(then);
    json_decref(now);
    if (failed)
        return error_set(err, STATUS_FAILED, "out of memory");
    char what[64];
    snprintf(what, sizeof what, "data.%s", key ? key : "");
    return key ? differs(t->path, what, err) : 0;
}

/* That both are of one task, and that what they give is of one kind. */
static int check_kinds(const struct teacher *t, const struct config *config, struct error *err)
{
    const struct config *other = t->checkpoint.config;
    const struct model_class *one = model_of(config), *two = model_of(other);
    const int bce = config->loss.target == LOSS_BCE;
    if (one->supervised != two->supervised || one->reads_tokens != two->reads_tokens || two->prefix)
        return error_set(err, STATUS_USAGE,
                         "[loss] teacher: %s is a model of type %s, which gives other things than "
                         "one of type %s",
                         t->path, two->name, one->name);
    if (one->supervised && bce != (other->loss.target == LOSS_BCE))
        return differs(t->path, "loss.target, bce or not,", err);
    if (one->reads_tokens && config->model.vocabulary != other->model.vocabulary)
        return differs(t->path, "model.vocabulary", err);
    if (other->adapter.r || other->model.quantize != QUANTIZE_NONE)
        return error_set(err, STATUS_USAGE,
                         "[loss] teacher: %s has %s: seqtrain merge makes one model of it", t->path,
                         other->adapter.r ? "an adapter" : "quantised weights");
    return 0;
}

static int same_numbers(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] < b[i] || a[i] > b[i])
            return 0;
    return 1;
}

static int same_transforms(const struct fitted *fitted, const struct dataset *data)
{
    const size_t n = data->channels * data->targets;
    if (!data->targets)
        return 1;
    char *then = transform_text(fitted->transform, fitted->targets);
    char *now = transform_text(data->transform, n);
    const int same = then && now ? n == fitted->targets && !strcmp(then, now) : -1;
    free(then);
    free(now);
    return same;
}

/* That what was fitted to data is the same: the scaler, transforms, the tokenizer. */
static int check_fitted(const struct teacher *t, const struct dataset *data, struct error *err)
{
    const struct fitted *f = &t->checkpoint.fitted;
    const char *what = NULL;
    if (data->tokenizer) {
        const int same = checkpoint_has_tokens(t->checkpoint.st, data->tokenizer, t->path, err);
        return same < 0 ? -1 : same ? 0 : differs(t->path, "the tokenizer", err);
    }
    const int same = same_transforms(f, data);
    if (same < 0)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!same)
        what = "transforms of targets were";
    if (f->scaler.features != data->scaler.features ||
        !same_numbers(f->scaler.offset, data->scaler.offset, f->scaler.features) ||
        !same_numbers(f->scaler.scale, data->scaler.scale, f->scaler.features))
        what = "scaler was";
    if (!what)
        return 0;
    return error_set(err, STATUS_USAGE,
                     "[loss] teacher: the %s fitted to other rows than that of %s: data.fitted_by "
                     "= %s takes its",
                     what, t->path, t->path);
}

/* --- opening */

struct teacher *teacher_open(const struct config *config, const struct dataset *data,
                             struct error *err)
{
    struct teacher *t = calloc(1, sizeof *t);
    if (!t || !(t->path = path_of(config->loss.teacher))) {
        error_set(err, STATUS_FAILED, "out of memory");
        free(t);
        return NULL;
    }
    if (checkpoint_read(&t->checkpoint, t->path, NULL, 0, model_check, err)) {
        error_prefix(err, "[loss] teacher");
        free(t->path);
        free(t);
        return NULL;
    }
    model_compares_none(t->checkpoint.config);
    if (!check_kinds(t, config, err) && !check_keys(t, config, err) && !check_fitted(t, data, err))
        return t;
    teacher_close(t);
    return NULL;
}

void teacher_close(struct teacher *teacher)
{
    if (!teacher)
        return;
    checkpoint_fini(&teacher->checkpoint);
    free(teacher->path);
    free(teacher);
}

struct params *teacher_params(void)
{
    static char every[] = "*";
    static char *const all[] = {every};
    struct params *params = params_new(0);
    if (params)
        params_freeze(params, all, 1);
    return params;
}

static int hash_of(const struct params *params, uint64_t *hash, struct error *err)
{
    *hash = 0;
    for (size_t i = 0; i < params->count; i++) {
        const size_t bytes = tensor_bytes(&params->list[i]->value);
        void *values = malloc(bytes);
        if (!values)
            return error_set(err, STATUS_FAILED, "out of memory");
        const int failed = params_read(params, i, params->values, values, err);
        const struct content one = failed ? (struct content){0} : content_of(values, bytes);
        free(values);
        if (failed)
            return -1;
        *hash = (*hash ^ one.low) * UINT64_C(0x100000001b3) ^ one.high;
    }
    return 0;
}

int teacher_load(struct engine *e, struct error *err)
{
    const struct teacher *t = e->teacher;
    return e->taught && (checkpoint_load_params(e->taught, t->checkpoint.st, t->path, err) ||
                         hash_of(e->taught, &e->taught_hash, err))
               ? -1
               : 0;
}
