/* SPDX-License-Identifier: MIT */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "data/reading.h"
#include "tensor/packed.h"
#include "text/tokenizer.h"
#include "train/packed_weights.h"
#include "util/jsonmem.h"
#include "util/shown.h"

/*
 * The number of the format that is written. 1, which was not told: state.history had eleven columns
 * without names and the sums of two terms were kept, whatever the model had.
 */
#define FORMAT 2

/* In front of the name of a weight whose own name its average has. */
#define TRAINED "optimizer.trained."

void progress_fini(struct progress *progress)
{
    free(progress->history);
    progress->history = NULL;
    progress->epochs = 0;
}

int progress_add(struct progress *progress, const struct epoch_figures *figures, struct error *err)
{
    struct epoch_figures *more = realloc(progress->history, (progress->epochs + 1) * sizeof *more);
    if (!more)
        return error_set(err, STATUS_FAILED, "out of memory");
    progress->history = more;
    more[progress->epochs++] = *figures;
    return 0;
}

/* --- writing */

/* Of the tensors of an optimizer's slot: optimizer.SLOT.PARAMETER. */
struct prefix {
    char text[64];
};

static struct prefix prefix_of(const struct optim *o, size_t slot)
{
    struct prefix prefix;
    snprintf(prefix.text, sizeof prefix.text, "optimizer.%s.", o->class->slot[slot]);
    return prefix;
}

/* Of all parameters, or of the trained ones, for which alone an optimizer's arenas have places. */
static int add_arena(struct engine *e, struct safetensors *st, struct arena *arena,
                     const char *prefix, int all, struct error *err)
{
    for (size_t i = 0; i < e->params->count; i++) {
        if (!all && e->params->list[i]->group != PARAM_TRAINED)
            continue;
        const struct tensor *t = &e->params->list[i]->value;
        uint64_t shape[TENSOR_MAX_RANK];
        char name[160];
        if (packed_is(t->dtype)) {
            if (packed_weights_add(st, t, arena, err))
                return -1;
            continue;
        }
        for (int r = 0; r < t->rank; r++)
            shape[r] = t->dim[r];
        snprintf(name, sizeof name, "%s%s", prefix, t->name);
        if (safetensors_add_far(st, name, t->dtype, (size_t)t->rank, shape, arena_fetch, arena,
                                t->offset, err))
            return -1;
    }
    return 0;
}

/* What the optimizer keeps, and the weights themselves where their average is the model. */
static int add_optim(struct engine *e, struct safetensors *st, struct error *err)
{
    const struct optim *o = &e->optim;
    for (size_t i = 0; i < o->class->slots; i++)
        if (add_arena(e, st, o->slot[i], prefix_of(o, i).text, 0, err))
            return -1;
    return e->judged == e->params ? 0 : add_arena(e, st, e->params->values, TRAINED, 0, err);
}

/* jansson prints reals in the C locale's form and here with the 17 digits that read back exactly.
 */
static int set_json(struct safetensors *st, const char *key, json_t *value, struct error *err)
{
    char *text = value ? jsonmem_dumps(value, JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY) : NULL;
    int result = text ? safetensors_set(st, key, text, err)
                      : error_set(err, STATUS_FAILED, "%s: out of memory", key);
    free(text);
    json_decref(value);
    return result;
}

static json_t *scaler_json(const struct scaler *scaler)
{
    json_t *offset = json_array(), *scale = json_array();
    for (size_t i = 0; i < scaler->features; i++) {
        json_array_append_new(offset, json_real(scaler->offset[i]));
        json_array_append_new(scale, json_real(scaler->scale[i]));
    }
    json_t *json =
        json_pack("{s:s, s:o, s:o}", "kind", config_choice("data", "scaler", scaler->kind),
                  "offset", offset, "scale", scale);
    if (scaler->kind == SCALER_RELATIVE)
        json_object_set_new(json, "base", json_integer((json_int_t)scaler->base));
    return json;
}

/* [[smallest, largest], ...] */
static json_t *range_json(const double *range, size_t count)
{
    json_t *json = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(json, json_pack("[f, f]", range[2 * i], range[2 * i + 1]));
    return json;
}

/* Names of the targets and what was done to them; nothing for a model without targets. */
static int set_targets(struct safetensors *st, const struct dataset *data, struct error *err)
{
    if (!data->targets)
        return 0;
    json_t *names = json_array();
    for (size_t i = 0; i < data->targets; i++)
        json_array_append_new(names, json_string(data->target_names[i]));
    char *transforms = transform_text(data->transform, data->channels * data->targets);
    int result = transforms ? safetensors_set(st, "transforms", transforms, err)
                            : error_set(err, STATUS_FAILED, "transforms: out of memory");
    free(transforms);
    if (result) {
        json_decref(names);
        return -1;
    }
    return set_json(st, "targets", names, err) ||
                   (data->target_range &&
                    set_json(st, "target_range",
                             range_json(data->target_range, data->channels * data->targets), err))
               ? -1
               : 0;
}

/* What was found out about the data: of series features and their scaler, of texts the tokenizer.
 */
static int set_data(struct safetensors *st, const struct dataset *data, const struct list *list,
                    struct error *err)
{
    if (data->tokenizer)
        return set_json(st, "tokenizer", tokenizer_json(data->tokenizer), err);
    json_t *features = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(features, json_string(list->item[i]));
    return set_json(st, "features", features, err) ||
                   set_json(st, "scaler", scaler_json(&data->scaler), err) ||
                   (data->reading && set_json(st, "reading", reading_json(data->reading), err)) ||
                   set_targets(st, data, err)
               ? -1
               : 0;
}

static struct safetensors *begin(struct engine *e, long epoch, const char *plan, struct error *err)
{
    struct safetensors *st = safetensors_new();
    char *config = config_text(e->config), number[32], format[32];
    snprintf(number, sizeof number, "%ld", epoch);
    snprintf(format, sizeof format, "%d", FORMAT);
    if (!st || !config)
        error_set(err, STATUS_FAILED, "out of memory");
    if (!st || !config || safetensors_set(st, "format", "pt", err) ||
        safetensors_set(st, "seqtrain_version", PACKAGE_VERSION, err) ||
        safetensors_set(st, "seqtrain_format", format, err) ||
        safetensors_set(st, "config", config, err) || safetensors_set(st, "epoch", number, err) ||
        safetensors_set(st, "plan", plan, err) ||
        set_data(st, e->data, &e->config->data.features, err) ||
        add_arena(e, st, e->judged->values, "", 1, err)) {
        safetensors_free(st);
        st = NULL;
    }
    free(config);
    return st;
}

int checkpoint_write_best(struct engine *e, long epoch, const char *plan, const char *path,
                          struct error *err)
{
    struct safetensors *st = begin(e, epoch, plan, err);
    int result = st ? safetensors_write(st, path, err) : -1;
    safetensors_free(st);
    return result;
}

/* The names of the columns. */
static json_t *columns_json(const struct history_columns *columns)
{
    json_t *json = json_array();
    for (size_t c = 0; c < columns->count; c++)
        json_array_append_new(json, json_string(columns->column[c].name));
    return json;
}

/* The history as a table [epochs, columns], which the caller frees; NULL without memory. */
static double *history_table(const struct progress *p, const struct history_columns *columns)
{
    double *table = malloc((p->epochs * columns->count + 1) * sizeof *table);
    for (size_t i = 0; table && i < p->epochs; i++)
        for (size_t c = 0; c < columns->count; c++)
            table[i * columns->count + c] = *history_figure(&p->history[i], &columns->column[c]);
    return table;
}

int checkpoint_write_last(struct engine *e, const struct progress *p, const char *plan,
                          const char *path, const char *former, struct error *err)
{
    struct safetensors *st = begin(e, p->epoch, plan, err);
    if (!st)
        return -1;
    const struct terms terms = model_terms(e->config);
    const struct history_columns columns = history_columns(&terms);
    const uint64_t words = METRICS_WORDS, shape[] = {p->epochs, columns.count};
    double *table = history_table(p, &columns);
    char data[17];
    snprintf(data, sizeof data, "%016" PRIx64, e->data_hash);
    json_t *state =
        json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:f, s:I, s:f, s:b, s:i, s:I, s:o}", "data",
                  data, "epoch", (json_int_t)p->epoch, "step", (json_int_t)p->step, "done",
                  (json_int_t)p->done, "best", isfinite(p->best) ? json_real(p->best) : json_null(),
                  "best_epoch", (json_int_t)p->best_epoch, "stale", (json_int_t)p->stale, "factor",
                  p->factor, "plateau_stale", (json_int_t)p->plateau_stale, "seconds", p->seconds,
                  "finished", p->finished, "collapsed", p->collapsed, "log_bytes",
                  (json_int_t)p->log_bytes, "history", columns_json(&columns));
    char taught[17];
    snprintf(taught, sizeof taught, "%016" PRIx64, e->taught_hash);
    if (e->taught)
        json_object_set_new(state, "teacher", json_string(taught));
    int failed =
        !table ? error_set(err, STATUS_FAILED, "out of memory")
               : add_optim(e, st, err) ||
                     safetensors_add(st, "state.metrics", DTYPE_U32, 1, &words, &p->metrics, err) ||
                     safetensors_add(st, "state.history", DTYPE_F64, 2, shape, table, err);
    if (failed)
        json_decref(state);
    else
        failed =
            set_json(st, "state", state, err) || safetensors_write_keeping(st, path, former, err);
    free(table);
    safetensors_free(st);
    return failed ? -1 : 0;
}

/* --- reading */

/* 1 where the file does not tell. */
static long format_of(const struct safetensors *st)
{
    const char *text = safetensors_get(st, "seqtrain_format");
    return text ? strtol(text, NULL, 10) : 1;
}

static int check_format(const struct safetensors *st, const char *path, struct error *err)
{
    const long format = format_of(st);
    if (format < 1)
        return error_set(err, STATUS_INPUT, "%s: metadata 'seqtrain_format' is broken", path);
    if (format > FORMAT)
        return error_set(err, STATUS_INPUT,
                         "%s: a newer seqtrain wrote it, in format %ld; this one reads up to "
                         "format %d",
                         path, format, FORMAT);
    return 0;
}

static json_t *meta_json(const struct safetensors *st, const char *key, const char *path,
                         struct error *err)
{
    const char *text = safetensors_get(st, key);
    json_error_t why;
    json_t *json = text ? json_loads(text, JSON_DECODE_ANY, &why) : NULL;
    if (!json && text && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (!json)
        error_set(err, STATUS_INPUT, "%s: metadata '%s' is %s", path, key,
                  text ? "broken" : "missing: not a checkpoint of seqtrain");
    return json;
}

static int read_scaler(struct checkpoint *c, const char *path, struct error *err)
{
    json_t *json = meta_json(c->st, "scaler", path, err);
    if (!json)
        return -1;
    const char *kind = json_string_value(json_object_get(json, "kind"));
    json_t *offset = json_object_get(json, "offset"), *scale = json_object_get(json, "scale");
    size_t n = json_array_size(offset);
    int good = kind && n && n == json_array_size(scale) && n == c->config->data.features.count &&
               !strcmp(kind, config_choice("data", "scaler", c->config->data.scaler.kind));
    if (good) {
        c->fitted.scaler.kind = c->config->data.scaler.kind;
        c->fitted.scaler.features = n;
        c->fitted.scaler.offset = calloc(n, sizeof(double));
        c->fitted.scaler.scale = calloc(n, sizeof(double));
        if (!c->fitted.scaler.offset || !c->fitted.scaler.scale) {
            json_decref(json);
            return error_set(err, STATUS_FAILED, "%s: out of memory", path);
        }
    }
    for (size_t i = 0; good && i < n; i++) {
        c->fitted.scaler.offset[i] = json_number_value(json_array_get(offset, i));
        c->fitted.scaler.scale[i] = json_number_value(json_array_get(scale, i));
        good = json_is_number(json_array_get(offset, i)) && isfinite(c->fitted.scaler.offset[i]) &&
               isfinite(c->fitted.scaler.scale[i]) && c->fitted.scaler.scale[i] != 0;
    }
    json_decref(json);
    return good ? 0
                : error_set(err, STATUS_INPUT, "%s: metadata 'scaler' does not fit its 'config'",
                            path);
}

static int read_transforms(struct checkpoint *c, const char *path, struct error *err)
{
    const struct config *config = c->config;
    const char *text = safetensors_get(c->st, "transforms");
    size_t count = config->data.channels == CHANNELS_APART && config->data.targets.count
                       ? config->data.features.count
                       : config->data.targets.count;
    if (!count)
        return 0;
    if (!text)
        return error_set(err, STATUS_INPUT, "%s: metadata 'transforms' is missing", path);
    c->fitted.transform = calloc(count, sizeof *c->fitted.transform);
    if (!c->fitted.transform)
        return error_set(err, STATUS_FAILED, "out of memory");
    c->fitted.targets = count;
    return transform_read(c->fitted.transform, count, text, err)
               ? error_prefix(err, "%s: metadata 'transforms'", path)
               : 0;
}

/* The range of each target in training; checkpoints of 0.1.0 do not tell. */
static int read_range(struct checkpoint *c, const char *path, struct error *err)
{
    size_t count = c->fitted.targets;
    if (!count || !safetensors_get(c->st, "target_range"))
        return 0;
    json_t *json = meta_json(c->st, "target_range", path, err);
    if (!json)
        return -1;
    double *range = calloc(2 * count, sizeof *range);
    int result = range ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    int good = json_array_size(json) == count;
    for (size_t i = 0; i < 2 * count && good && range; i++) {
        const json_t *value = json_array_get(json_array_get(json, i / 2), i % 2);
        range[i] = json_number_value(value);
        good =
            json_is_number(value) && isfinite(range[i]) && (i % 2 == 0 || range[i - 1] <= range[i]);
    }
    c->fitted.target_range = range;
    if (!result && !good)
        result = error_set(err, STATUS_INPUT, "%s: metadata 'target_range' is broken", path);
    json_decref(json);
    return result;
}

/* How the files were written; checkpoints of 0.1.0 do not tell. */
static int read_reading(struct checkpoint *c, const char *path, char *const *settings, size_t count,
                        struct error *err)
{
    if (!safetensors_get(c->st, "reading"))
        return 0;
    json_t *json = meta_json(c->st, "reading", path, err);
    if (!json)
        return -1;
    c->fitted.reading = calloc(1, sizeof *c->fitted.reading);
    int result = c->fitted.reading ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    const int read = result ? 0 : reading_of_json(json, c->fitted.reading);
    if (read > 0)
        result = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (read)
        result = error_set(err, STATUS_INPUT, "%s: metadata 'reading' is broken", path);
    if (!result)
        reading_forget(c->fitted.reading, settings, count);
    json_decref(json);
    return result;
}

static int read_tokenizer(struct checkpoint *c, const char *path, struct error *err)
{
    json_t *json = meta_json(c->st, "tokenizer", path, err);
    if (json)
        c->fitted.tokenizer = tokenizer_of_json(json, path, err);
    json_decref(json);
    return c->fitted.tokenizer ? 0 : -1;
}

int checkpoint_has_tokens(const struct safetensors *st, const struct tokenizer *tokenizer,
                          const char *path, struct error *err)
{
    if (!tokenizer || !safetensors_get(st, "tokenizer"))
        return 1;
    json_t *then = meta_json(st, "tokenizer", path, err), *now = tokenizer_json(tokenizer);
    int result = then ? json_equal(then, now) : -1;
    if (then && !now)
        result = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    json_decref(then);
    json_decref(now);
    return result;
}

int checkpoint_read(struct checkpoint *c, const char *path, char *const *settings, size_t count,
                    config_checker *check, struct error *err)
{
    memset(c, 0, sizeof *c);
    c->st = safetensors_open(path, err);
    if (!c->st)
        return -1;
    const char *text = safetensors_get(c->st, "config"), *epoch = safetensors_get(c->st, "epoch");
    if (!text)
        error_set(err, STATUS_INPUT, "%s: no configuration inside: not a checkpoint of seqtrain",
                  path);
    else if (check_format(c->st, path, err))
        ; /* told */
    else if ((c->config = config_parse_with(text, path, settings, count, check, err))) {
        c->epoch = epoch ? strtol(epoch, NULL, 10) : 0;
        if (dataset_is_text(c->config)
                ? !read_tokenizer(c, path, err)
                : !read_scaler(c, path, err) && !read_transforms(c, path, err) &&
                      !read_range(c, path, err) && !read_reading(c, path, settings, count, err))
            return 0;
    } else if (!count &&
               err->status ==
                   STATUS_USAGE) /* what it was written with is at fault, not the user's settings */
        err->status = STATUS_INPUT;
    checkpoint_fini(c);
    return -1;
}

void checkpoint_fini(struct checkpoint *c)
{
    safetensors_free(c->st);
    config_free(c->config);
    scaler_fini(&c->fitted.scaler);
    tokenizer_free(c->fitted.tokenizer);
    free(c->fitted.transform);
    free(c->fitted.target_range);
    if (c->fitted.reading)
        reading_fini(c->fitted.reading);
    free(c->fitted.reading);
    memset(c, 0, sizeof *c);
}

struct place {
    struct arena *arena;
    size_t offset;
};

static int take_place(void *to, size_t offset, size_t bytes, const void *piece, struct error *err)
{
    const struct place *place = to;
    return arena_write(place->arena, place->offset + offset, bytes, piece, err);
}

/* Which parameters a file must have: the trained ones, all, or all but those of an adapter. */
enum needed { NEEDED_TRAINED, NEEDED_ALL, NEEDED_MODEL };

static int load_arena(const struct params *params, const struct safetensors *st,
                      struct arena *arena, const char *prefix, enum needed needed, const char *path,
                      struct error *err)
{
    const struct stored_source source = stored_file(st, path);
    for (size_t i = 0; i < params->count; i++) {
        if (needed == NEEDED_TRAINED && params->list[i]->group != PARAM_TRAINED)
            continue;
        const struct tensor *t = &params->list[i]->value;
        char name[160];
        snprintf(name, sizeof name, "%s%s", prefix, t->name);
        const struct safetensor *from = safetensors_find(st, name);
        if (!from && needed == NEEDED_MODEL && params_owns(params, t->name))
            continue;
        if (!from)
            return error_set(err, STATUS_INPUT, "%s: no tensor %s: a checkpoint of another model?",
                             path, name);
        if (t->dtype != DTYPE_F32 || from->dtype != DTYPE_F32) {
            if (packed_weights_load(params, i, arena, &source, from, err))
                return -1;
            continue;
        }
        int fits = from->rank == (size_t)t->rank;
        for (int r = 0; fits && r < t->rank; r++)
            fits = from->shape[r] == t->dim[r];
        if (!fits)
            return error_set(err, STATUS_INPUT,
                             "%s: %s has not the shape of this model's: another configuration?",
                             path, name);
        struct place place = {arena, t->offset};
        if (safetensors_each(st, from, take_place, &place, err))
            return -1;
    }
    return 0;
}

static int load_optim(struct engine *e, const struct safetensors *st, const char *path,
                      struct error *err)
{
    const struct optim *o = &e->optim;
    for (size_t i = 0; i < o->class->slots; i++)
        if (load_arena(e->params, st, o->slot[i], prefix_of(o, i).text, NEEDED_TRAINED, path, err))
            return -1;
    return e->judged == e->params
               ? 0
               : load_arena(e->params, st, e->params->values, TRAINED, NEEDED_TRAINED, path, err);
}

static int is_param(const struct params *params, const char *name)
{
    char weight[160];
    const int is_part = stored_is_part(name, weight, sizeof weight);
    for (size_t i = 0; i < params->count; i++) {
        const struct tensor *t = &params->list[i]->value;
        if (!strcmp(t->name, name) || (is_part && !strcmp(t->name, weight)))
            return 1;
    }
    return 0;
}

/* The weights whose average the model is: those that the file has beside it, or the model's. */
static int load_averaged(struct engine *e, const struct safetensors *st, enum needed needed,
                         const char *path, struct error *err)
{
    int has = 0;
    if (e->judged == e->params)
        return 0;
    for (size_t i = 0; i < st->count && needed == NEEDED_ALL; i++)
        has |= !strncmp(st->tensor[i].name, TRAINED, strlen(TRAINED));
    return has ? load_arena(e->params, st, e->params->values, TRAINED, NEEDED_TRAINED, path, err)
               : load_arena(e->params, st, e->params->values, "", needed, path, err);
}

static int load_params(struct params *params, const struct safetensors *st, enum needed needed,
                       const char *path, struct error *err)
{
    for (size_t i = 0; i < st->count; i++) {
        const char *name = st->tensor[i].name;
        if (!strncmp(name, "optimizer.", 10) || !strncmp(name, "state.", 6) ||
            is_param(params, name))
            continue;
        return error_set(err, STATUS_INPUT, "%s: tensor %s is %s", path, show_name(name).text,
                         adapter_owns(name)
                             ? "of an adapter, which this model lacks at that layer: seqtrain "
                               "merge folds one into the weights"
                             : "none of this model's: a checkpoint of another model?");
    }
    return load_arena(params, st, params->values, "", needed, path, err);
}

int checkpoint_load_model_params(struct params *params, const struct safetensors *st,
                                 const char *path, struct error *err)
{
    return load_params(params, st, NEEDED_MODEL, path, err);
}

int checkpoint_load_params(struct params *params, const struct safetensors *st, const char *path,
                           struct error *err)
{
    return load_params(params, st, NEEDED_ALL, path, err);
}

static int load_weights(struct engine *e, const struct safetensors *st, enum needed needed,
                        const char *path, struct error *err)
{
    return load_params(e->judged, st, needed, path, err) || load_averaged(e, st, needed, path, err)
               ? -1
               : 0;
}

int checkpoint_load_weights(struct engine *e, const struct safetensors *st, const char *path,
                            struct error *err)
{
    return load_weights(e, st, NEEDED_ALL, path, err);
}

int checkpoint_load_model(struct engine *e, const struct safetensors *st, const char *path,
                          struct error *err)
{
    return load_weights(e, st, NEEDED_MODEL, path, err);
}

static json_int_t whole(const json_t *state, const char *key, int *good)
{
    const json_t *value = json_object_get(state, key);
    *good &= json_is_integer(value) && json_integer_value(value) >= 0;
    return json_integer_value(value);
}

/* --- sums and history, of this format and of the one before */

/* What the sums and the table of a file are like. */
struct layout {
    size_t metrics;                                              /* words */
    size_t width;                                                /* columns of the table */
    size_t place[sizeof(struct epoch_figures) / sizeof(double)]; /* of each column of today */
};

/*
 * Format 1: sums of the loss, of two terms, and what has not changed since; a table of eleven
 * columns, of which a model of one term left two empty.
 */
enum { METRICS_1 = 32, SUMS_1 = 6, REST_1 = 15, WIDTH_1 = 11 };
_Static_assert(offsetof(struct metrics, log2_scale) - offsetof(struct metrics, samples) ==
                   4 * REST_1,
               "metrics_of_1() copies what format 1 had, in its order");

static void metrics_of_1(struct metrics *to, const uint32_t from[METRICS_1])
{
    memset(to, 0, sizeof *to);
    memcpy(to->loss, from, SUMS_1 * 4);
    memcpy(to->samples, from + SUMS_1, REST_1 * 4);
}

static struct layout layout_of_1(const struct terms *terms, const struct history_columns *columns)
{
    const size_t val = 2 + terms->count, rest = val + 1 + terms->count;
    struct layout layout = {.metrics = METRICS_1, .width = WIDTH_1};
    for (size_t c = 0; c < columns->count; c++)
        layout.place[c] = c < val ? c : c < rest ? c - val + 4 : c - rest + 7;
    return layout;
}

/* The layout by the names of the columns; -1 if one of today's is not among them. */
static int layout_by_names(struct layout *layout, const json_t *names,
                           const struct history_columns *columns)
{
    *layout = (struct layout){.metrics = METRICS_WORDS, .width = json_array_size(names)};
    for (size_t c = 0; c < columns->count; c++) {
        size_t at = 0;
        const char *name;
        while ((name = json_string_value(json_array_get(names, at))) &&
               strcmp(name, columns->column[c].name))
            at++;
        if (!name)
            return -1;
        layout->place[c] = at;
    }
    return 0;
}

static int load_metrics(const struct safetensors *st, const struct safetensor *metrics,
                        struct metrics *to, struct error *err)
{
    uint32_t former[METRICS_1];
    if (metrics->bytes == sizeof *to)
        return safetensors_copy(st, metrics, to, err);
    if (safetensors_copy(st, metrics, former, err))
        return -1;
    metrics_of_1(to, former);
    return 0;
}

static int load_history(const struct safetensors *st, const struct safetensor *history,
                        const struct layout *layout, const struct history_columns *columns,
                        struct progress *p, struct error *err)
{
    double *table = malloc(history->bytes + 1);
    p->history = calloc(history->shape[0] + 1, sizeof *p->history);
    p->epochs = history->shape[0];
    int result = table && p->history ? safetensors_copy(st, history, table, err)
                                     : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !result && i < p->epochs; i++) {
        p->history[i].metric = NAN;
        for (size_t c = 0; c < columns->count; c++)
            *history_figure(&p->history[i], &columns->column[c]) =
                table[i * layout->width + layout->place[c]];
    }
    free(table);
    return result;
}

int checkpoint_load_state(struct engine *e, const struct safetensors *st, const char *path,
                          struct progress *p, struct error *err)
{
    json_t *state = meta_json(st, "state", path, err);
    if (!state)
        return -1;
    int good = 1;
    const struct safetensor *metrics = safetensors_find(st, "state.metrics");
    const struct safetensor *history = safetensors_find(st, "state.history");
    const struct terms terms = model_terms(e->config);
    const struct history_columns columns = history_columns(&terms);
    struct layout layout = layout_of_1(&terms, &columns);
    memset(p, 0, sizeof *p);
    p->epoch = (long)whole(state, "epoch", &good);
    p->step = (long)whole(state, "step", &good);
    p->done = (uint64_t)whole(state, "done", &good);
    p->best_epoch = (long)whole(state, "best_epoch", &good);
    p->stale = (long)whole(state, "stale", &good);
    p->plateau_stale = (long)whole(state, "plateau_stale", &good);
    p->log_bytes = whole(state, "log_bytes", &good);
    const json_t *best = json_object_get(state, "best"), *factor = json_object_get(state, "factor");
    good &= (json_is_number(best) || json_is_null(best)) && json_is_number(factor);
    p->best = json_is_number(best) ? json_number_value(best) : NAN;
    p->factor = json_number_value(factor);
    p->seconds = json_number_value(json_object_get(state, "seconds"));
    p->finished = json_is_true(json_object_get(state, "finished"));
    p->collapsed = (int)json_integer_value(json_object_get(state, "collapsed"));
    char data[17];
    snprintf(data, sizeof data, "%016" PRIx64, e->data_hash);
    const char *then = json_string_value(json_object_get(state, "data"));
    int other_data = then && strcmp(then, data);
    good &= then != NULL;
    snprintf(data, sizeof data, "%016" PRIx64, e->taught_hash);
    const char *taught = json_string_value(json_object_get(state, "teacher"));
    const int other_teacher = e->taught && taught && strcmp(taught, data);
    if (format_of(st) > 1)
        good &= !layout_by_names(&layout, json_object_get(state, "history"), &columns);
    good &= metrics && metrics->dtype == DTYPE_U32 && metrics->bytes == 4 * layout.metrics;
    good &= history && history->dtype == DTYPE_F64 && history->rank == 2 &&
            history->shape[1] == layout.width && history->shape[0] == (uint64_t)p->epoch;
    json_decref(state);
    if (!good)
        return error_set(err, STATUS_INPUT, "%s: the state of the run inside is broken", path);
    if (other_teacher)
        return error_set(err, STATUS_INPUT,
                         "%s: the teacher %s is not what it was when this run began, so the bits "
                         "would not be the same: --overwrite starts afresh",
                         path, e->config->loss.teacher);
    if (other_data)
        return error_set(err, STATUS_INPUT,
                         "%s: %s is not what it was when this run began, so the bits would not be "
                         "the same: --overwrite starts afresh",
                         path,
                         e->config->data.source.count ? *e->config->data.source.item
                                                      : e->config->data.manifest);
    if (load_metrics(st, metrics, &p->metrics, err) ||
        load_history(st, history, &layout, &columns, p, err))
        return -1;
    return load_optim(e, st, path, err);
}
