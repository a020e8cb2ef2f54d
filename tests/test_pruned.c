/* SPDX-License-Identifier: MIT */
/*
 * pruned: of a model with units that nobody reads, half of them, the checkpoint without these
 * predicts what the whole model did; and such units are those that go. The models are those of
 * tests/golden.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chosen.h"
#include "data/scaler.h"
#include "data/transform.h"
#include "golden_case.h"
#include "run/pruned.h"
#include "train/engine.h"

#define WHOLE "pruned-whole.safetensors"
#define SMALL "pruned-small.safetensors"

static const char *folder;

/* A case with what a checkpoint tells of its data. */
static void open_case(struct golden *c, const char *name)
{
    struct error err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    if (golden_open(c, path, chosen_device(), &err))
        fail_msg("%s", err.text);
    struct dataset *d = &c->data;
    d->channels = 1;
    assert_int_equal(scaler_init(&d->scaler, c->config->data.scaler.kind, d->features), 0);
    d->transform = calloc(d->targets + 1, sizeof *d->transform);
    d->target_names = c->config->data.targets.item;
}

static void close_case(struct golden *c)
{
    scaler_fini(&c->data.scaler);
    free(c->data.transform);
    golden_close(c);
}

/* Whether a unit is one of the `count` that nobody is to read: every second one, then the first. */
static int is_unread(size_t unit, size_t size, size_t count)
{
    const size_t odd = size / 2;
    return unit % 2 ? unit / 2 < count : odd + unit / 2 < count;
}

/* Zeros where the units are read. */
static void unread(const struct units *units, const char *name, const size_t *dim, int rank,
                   float *x, size_t count)
{
    size_t columns = 1;
    for (int r = 1; r < rank; r++)
        columns *= dim[r];
    for (size_t i = 0; i < units->slices; i++) {
        const struct unit_slice *s = &units->slice[i];
        if (!s->is_out || strcmp(s->name, name) != 0)
            continue;
        assert_int_equal(s->axis, 1);
        for (size_t e = 0; e < dim[0] * columns; e++) {
            const size_t at = e % columns / (columns / dim[1]);
            if (at >= s->offset && (at - s->offset) % s->stride < units->size &&
                (!s->blocks || (at - s->offset) / s->stride < s->blocks) &&
                is_unread((at - s->offset) % s->stride, units->size, count))
                x[e] = 0;
        }
    }
}

static void load_whole(const struct golden *c, struct engine *e, const struct units *units,
                       size_t count)
{
    struct error err = {0};
    for (size_t i = 0; i < e->params->count; i++) {
        const struct tensor *t = &e->params->list[i]->value;
        char name[128];
        snprintf(name, sizeof name, "param.%s", t->name);
        const struct safetensor *p = safetensors_find(c->st, name);
        assert_non_null(p);
        float *x = malloc(p->bytes);
        memcpy(x, p->data, p->bytes);
        unread(units, t->name, t->dim, t->rank, x, count);
        assert_int_equal(params_write(e->params, i, e->params->values, x, &err), 0);
        free(x);
    }
}

/* What an engine gives for all windows; the caller frees. */
static float *outputs_of(struct engine *e, size_t *elems)
{
    struct error err = {0};
    struct evaluation evaluation;
    const size_t n = e->data->count[PART_TRAIN];
    *elems = n * engine_window_elems(e);
    float *y = calloc(*elems, sizeof *y);
    if (engine_evaluate(e, e->data->start[PART_TRAIN], n, &(struct outputs){.output = y},
                        &evaluation, &err))
        fail_msg("%s", err.text);
    return y;
}

static float *run_whole(const struct golden *c, size_t *elems)
{
    struct error err = {0};
    struct units units;
    if (model_units(c->config, &units, &err))
        fail_msg("%s", err.text);
    struct engine *e = engine_open(c->config, &c->data, &(struct engine_options){0}, &err);
    if (!e)
        fail_msg("%s", err.text);
    load_whole(c, e, &units, units.size - (size_t)lround(0.5 * (double)units.size));
    float *y = outputs_of(e, elems);
    if (checkpoint_write_best(e, 1, "{}", WHOLE, &err))
        fail_msg("%s", err.text);
    engine_close(e);
    units_fini(&units);
    return y;
}

static float *run_small(const struct golden *c, size_t *elems)
{
    struct error err = {0};
    struct checkpoint small;
    if (checkpoint_read(&small, SMALL, NULL, 0, model_check, &err))
        fail_msg("%s", err.text);
    free(small.config->device.select.item[0]);
    small.config->device.select.item[0] = strdup(chosen_device());
    struct engine *e = engine_open(small.config, &c->data, &(struct engine_options){0}, &err);
    if (!e || checkpoint_load_weights(e, small.st, SMALL, &err))
        fail_msg("%s", err.text);
    float *y = outputs_of(e, elems);
    engine_close(e);
    checkpoint_fini(&small);
    return y;
}

static void test_case(void **state)
{
    struct error err = {0};
    struct golden c;
    struct pruned pruned;
    size_t before, after;
    double most = 0, apart = 0;
    open_case(&c, *state);
    float *whole = run_whole(&c, &before);
    if (pruned_write(WHOLE, SMALL, 0.5, &pruned, &err))
        fail_msg("%s", err.text);
    assert_true(pruned.kept < pruned.size && pruned.kept > 0);
    float *small = run_small(&c, &after);
    assert_int_equal(before, after);
    for (size_t i = 0; i < before; i++) {
        most = fmax(most, fabs((double)whole[i]));
        apart = fmax(apart, fabs((double)whole[i] - (double)small[i]));
    }
    if (!(apart <= 2e-6 * most))
        fail_msg("off by %g of %g", apart, most);
    free(whole);
    free(small);
    unlink(WHOLE);
    unlink(SMALL);
    close_case(&c);
}

/* What has no units says why. */
static void test_refused(void **state)
{
    static const char *const names[][2] = {{"gru-norm", "layer_norm"},
                                           {"bilstm-attention", ""},
                                           {"gru-attention", "attention_layers"},
                                           {"dgru", "type dgru"},
                                           {"language", "type language"},
                                           {"adapter", "an adapter"},
                                           {"tcn-rows", "adds its 4 features"}};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct error err = {0};
        struct golden c;
        struct units units;
        open_case(&c, names[i][0]);
        assert_int_equal(model_units(c.config, &units, &err), *names[i][1] ? -1 : 0);
        assert_true(!*names[i][1] || strstr(err.text, names[i][1]));
        units_fini(&units);
        close_case(&c);
    }
}

int main(void)
{
    static const char *const names[] = {"lstm",
                                        "bilstm",
                                        "bilstm-attention",
                                        "rnn-mean",
                                        "gru-flatten",
                                        "cnn-gru-batch",
                                        "cnn-rnn-layer",
                                        "tcn",
                                        "transformer",
                                        "transformer-rows",
                                        "plain"};
    enum { CASES = sizeof names / sizeof *names };
    struct CMUnitTest tests[CASES + 1];
    for (int i = 0; i < CASES; i++)
        tests[i] = (struct CMUnitTest){names[i], test_case, NULL, NULL, (void *)(intptr_t)names[i]};
    tests[CASES] = (struct CMUnitTest){"refused", test_refused, NULL, NULL, NULL};
    const char *source = getenv("srcdir");
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/golden", source ? source : "..");
    folder = path;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("pruned", tests, NULL, NULL);
}
