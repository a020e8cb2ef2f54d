/* SPDX-License-Identifier: MIT */
/*
 * Layers that are computed again in the backward pass (train.recompute = layers): training has the
 * same bits as without, for every type of model and way to store activations, and of each layer no
 * more than its input stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "quickly.h"
#include "train/planned.h"
#include "util/philox.h"

enum { WINDOW = 9, FEATURES = 3, WINDOWS = 30, ROWS = WINDOWS * WINDOW, MOST = 32 };

struct fixture {
    struct config *config;
    struct dataset data;
    uint32_t start[WINDOWS];
    float series[ROWS * FEATURES], target[ROWS];
    int target_feature;
};

/* Settings, those of the later lists win. */
static void fixture_init(struct fixture *f, char *const *first, char *const *more)
{
    struct error err = {0};
    char device[256], *settings[MOST] = {"data.source=none.csv", "data.window=9", "train.batch=8",
                                         "train.accumulate=2", "train.lr=1e-2"};
    size_t n = 5;
    snprintf(device, sizeof device, "device.select=%s", chosen_device());
    settings[n++] = device;
    for (int k = 0; k < 2; k++)
        for (char *const *s = k ? more : first; *s; s++) {
            assert_true(n < MOST);
            settings[n++] = *s;
        }
    memset(f, 0, sizeof *f);
    f->config = config_load(NULL, settings, n, &err);
    if (!f->config)
        fail_msg("%s", err.text);
    f->data = (struct dataset){.rows = ROWS,
                               .window = (size_t)f->config->data.window,
                               .features = FEATURES,
                               .series = f->series,
                               .target = f->target,
                               .targets = 1,
                               .target_rows = 1,
                               .target_feature = &f->target_feature};
    f->target_feature = -1;
    for (uint32_t i = 0; i < ROWS * FEATURES; i++) {
        uint32_t r[4];
        philox(r, i, 0, 0, 0, 7);
        f->series[i] = (float)philox_normal(r[0], r[1]);
        f->target[i / FEATURES] = (float)philox_normal(r[2], r[3]);
    }
    f->data.count[PART_TRAIN] = ROWS / f->data.window;
    for (uint32_t i = 0; i < f->data.count[PART_TRAIN]; i++)
        f->start[i] = i * (uint32_t)f->data.window;
    f->data.start[PART_TRAIN] = f->start;
}

static struct engine *engine(const struct fixture *f, struct engine_options options)
{
    struct error err = {0};
    options.training = 1;
    struct engine *e = engine_open(f->config, &f->data, &options, &err);
    if (!e)
        fail_msg("%s", err.text);
    assert_int_equal(params_init(e->params, 42, &err), 0);
    return e;
}

/* --- the same bits */

/* All that steps change. */
struct state {
    float *value[1 + OPTIM_MAX_SLOTS];
    size_t bytes[1 + OPTIM_MAX_SLOTS];
    struct metrics metrics;
};

static struct state state_of(struct engine *e)
{
    struct error err = {0};
    struct state s = {0};
    struct arena *arena[1 + OPTIM_MAX_SLOTS] = {e->params->values};
    for (int i = 0; i < OPTIM_MAX_SLOTS; i++)
        arena[1 + i] = e->optim.slot[i];
    for (int i = 0; i < 1 + OPTIM_MAX_SLOTS; i++) {
        s.bytes[i] = arena[i] ? arena_bytes(arena[i]) : 0;
        s.value[i] = malloc(s.bytes[i] + 1);
        assert_non_null(s.value[i]);
        if (s.bytes[i])
            assert_int_equal(arena_read(arena[i], 0, s.bytes[i], s.value[i], &err), 0);
    }
    assert_int_equal(engine_read_metrics(e, &s.metrics, &err), 0);
    return s;
}

static void state_free(struct state *s)
{
    for (int i = 0; i < 1 + OPTIM_MAX_SLOTS; i++)
        free(s->value[i]);
}

/* Epochs over 30 windows: steps of 16, the last of 14 with a short micro-batch. */
static struct state trained(struct engine *e, const struct fixture *f)
{
    struct error err = {0};
    const uint32_t batch = (uint32_t)e->config->train.batch, group = 2 * batch;
    assert_int_equal(engine_order(e, f->start, WINDOWS, &err), 0);
    assert_int_equal(engine_write_metrics(e, &(struct metrics){0}, &err), 0);
    for (uint32_t number = 1; number <= 4; number++) {
        const uint32_t from = (number - 1) % 2 * group;
        const uint32_t left = WINDOWS - from < group ? WINDOWS - from : group;
        struct step step = {
            .group = left, .epoch = 1 + (number - 1) / 2, .seed = {42, 0}, .number = number};
        optim_step(&e->optim, e->config->train.lr, &step);
        for (uint32_t done = 0; done < left; done += step.count) {
            step.first = from + done;
            step.count = left - done < batch ? left - done : batch;
            if (engine_micro(e, &step, &err))
                fail_msg("%s", err.text);
        }
        if (engine_update(e, &err))
            fail_msg("%s", err.text);
    }
    return state_of(e);
}

static const struct model {
    const char *name;
    size_t layers; /* that are computed again */
    char *settings[12];
} models[] = {
    {"autoencoder", 3, {"model.type=autoencoder", "model.latent=4", "model.layers=2"}},
    {"autoencoder, two views",
     5,
     {"model.type=autoencoder", "model.latent=4", "model.layers=2", "loss.contrastive=nt_xent",
      "model.norm_first=no"}},
    {"transformer", 2, {"model.type=transformer", "model.layers=3", "model.positions=rotary"}},
    {"transformer, norm last",
     2,
     {"model.type=transformer", "model.layers=3", "model.norm_first=no", "model.norm=rms"}},
    {"transformer, RMS norm",
     2,
     {"model.type=transformer", "model.layers=3", "model.norm=rms", "train.optimizer=sgd",
      "train.shards=2"}},
    {"LSTM", 2, {"model.type=recurrent", "model.layers=3", "model.bidirectional=yes"}},
    {"wide LSTM", 2, {"model.type=recurrent", "model.layers=3", "model.hidden=144"}},
    {"GRU",
     2,
     {"model.type=recurrent", "model.cell=gru", "model.layers=3", "model.layer_norm=yes"}},
    {"RNN with attention",
     3,
     {"model.type=recurrent", "model.cell=rnn", "model.layers=2", "model.attention_layers=2",
      "train.optimizer=lion"}},
    {"convolutions",
     3,
     {"model.type=cnn_recurrent", "model.conv_channels=5,6", "model.layers=2",
      "model.conv_norm=batch", "model.conv_pool=2"}},
    {"convolutions, layer norm",
     3,
     {"model.type=cnn_recurrent", "model.conv_channels=5,6", "model.layers=2",
      "model.conv_norm=layer", "model.activation=rrelu", "model.conv_pool=2"}},
    {"tcn", 2, {"model.type=tcn", "model.layers=3", "model.conv_kernel=3", "train.shards=2"}},
    {"dgru",
     2, /* what comes behind the last one is large beside it */
     {"model.type=dgru", "model.layers=2", "data.target_rows=window", "train.optimizer=sgd"}},
    {"frozen",
     2,
     {"model.type=transformer", "model.layers=3", "model.freeze=encoder.layers.*.linear*"}},
    {"adapter",
     2,
     {"model.type=transformer", "model.layers=3", "adapter.r=3", "adapter.dropout=0.25",
      "adapter.target=all"}},
};

static char *const common[] = {"model.d_model=16", "model.heads=2",      "model.feedforward=24",
                               "model.hidden=12",  "model.dropout=0.25", NULL};

static void expect_same(const struct state *a, const struct state *b, const char *name,
                        const char *precision, int poisoned)
{
    int same = !memcmp(&a->metrics, &b->metrics, sizeof a->metrics);
    for (int i = 0; i < 1 + OPTIM_MAX_SLOTS; i++)
        same &= a->bytes[i] == b->bytes[i] && !memcmp(a->value[i], b->value[i], a->bytes[i]);
    if (!same)
        fail_msg("%s, %s: other bits%s", name, precision, poisoned ? ", poisoned" : "");
}

static void same_bits(const struct model *m, char *precision)
{
    struct fixture f;
    char *settings[16] = {precision};
    memcpy(settings + 1, m->settings, sizeof m->settings);
    fixture_init(&f, common, settings);
    if (f.config->model.type == MODEL_AUTOENCODER)
        f.data.targets = 0;
    if (f.config->model.type == MODEL_DGRU)
        f.data.features = 2;
    if (f.config->data.target_rows == TARGET_WINDOW)
        f.data.target_rows = WINDOW;
    struct engine *e = engine(&f, (struct engine_options){0});
    assert_int_equal(e->train->replayed, 0);
    const uint64_t kept = planned_memory(e).activations;
    struct state first = trained(e, &f);
    engine_close(e);
    f.config->train.recompute = RECOMPUTE_LAYERS;
    for (int poisoned = strcmp(precision, "train.precision=fp32") != 0; poisoned < 2; poisoned++) {
        e = engine(&f, (struct engine_options){.scattered = poisoned});
        if (e->train->replayed != m->layers || e->train->can_replay != m->layers)
            fail_msg("%s, %s: %zu of %zu layers are computed again, not %zu", m->name, precision,
                     e->train->replayed, e->train->can_replay, m->layers);
        assert_true(poisoned || planned_memory(e).activations < kept);
        assert_true(e->train->remade_flops > 0);
        struct state again = trained(e, &f);
        expect_same(&first, &again, m->name, precision, poisoned);
        state_free(&again);
        engine_close(e);
    }
    state_free(&first);
    config_free(f.config);
}

static void test_same_bits(void **state)
{
    static char *const precision[] = {"train.precision=fp32", "train.precision=bf16",
                                      "train.precision=fp16"};
    (void)state;
    /* the two short types by turns: their kernels are the same */
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (size_t k = 0; k < 2; k++)
            same_bits(&models[i], precision[k ? 1 + i % 2 : 0]);
}

/* --- what stays */

static double activations(char *const *settings, int layers, int recompute)
{
    struct fixture f;
    fixture_init(&f, common, settings);
    f.config->model.layers = layers;
    f.config->train.recompute = recompute;
    struct engine *e = engine(&f, (struct engine_options){0});
    const double bytes = (double)e->train->activation_bytes;
    engine_close(e);
    config_free(f.config);
    return bytes;
}

/* From 4 to 12 layers the arena grows by their inputs, within a tenth. */
static void grows_by_inputs(char *const *settings, double input)
{
    const double kept = activations(settings, 12, RECOMPUTE_NO);
    const double four = activations(settings, 4, RECOMPUTE_LAYERS);
    const double twelve = activations(settings, 12, RECOMPUTE_LAYERS);
    const double grown = (twelve - four) / 8;
    if (!(grown > 0.9 * input && grown < 1.1 * input && twelve < 0.4 * kept))
        fail_msg("a layer takes %g of %g bytes; 12 take %g of %g", grown, input, twelve, kept);
}

static void test_inputs_stay(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        char *const transformer[] = {"model.type=transformer",
                                     "data.window=27",
                                     "model.d_model=64",
                                     "model.feedforward=256",
                                     "model.heads=4",
                                     k == 1 ? "model.norm_first=no" : "model.norm_first=yes",
                                     k == 2 ? "model.norm=rms" : "model.norm=layer",
                                     NULL};
        grows_by_inputs(transformer, 8 * 27 * 64 * 4);
    }
    char *const lstm[] = {"model.type=recurrent", "data.window=27", "model.hidden=32",
                          "model.bidirectional=yes", NULL};
    grows_by_inputs(lstm, 8 * 27 * 64 * 4);
}

/* Bits are compared with bits of the same kernels: these need no optimising. */
static int quickly(void **state)
{
    struct error err = {0};
    struct device *dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9}, &err);
    (void)state;
    if (!dev)
        return -1;
    compile_quickly_for(dev, 1);
    device_close(dev);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_inputs_stay)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("layers", tests, quickly, NULL);
}
