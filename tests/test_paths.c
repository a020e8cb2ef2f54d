/* SPDX-License-Identifier: MIT */
/*
 * The names that key dropout: in a training graph of each model each is there once and is made of
 * nothing that is missing. Two ops of one name would have the same mask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chosen.h"
#include "models/model.h"
#include "ops/dropout.h"

enum { WINDOW = 8, FEATURES = 3, WINDOWS = 4, PATHS = 64, LONGEST = 96 };

static char paths[PATHS][LONGEST];
static size_t count;

struct drop __real_drop_of(double p, const char *path);
struct drop __wrap_drop_of(double p, const char *path);

/* Notes the name of every mask that drops something. */
struct drop __wrap_drop_of(double p, const char *path)
{
    if (p > 0) {
        assert_true(count < PATHS);
        snprintf(paths[count++], LONGEST, "%s", path);
    }
    return __real_drop_of(p, path);
}

/* `settings`, up to NULL, make a model; its training graph has `drops` masks. */
static void check_model(char *const *settings, size_t drops)
{
    struct error err = {0};
    char device[256], *all[16] = {device, "data.source=none.csv", "model.dropout=0.5",
                                  "model.d_model=8", "model.heads=2"};
    size_t n = 5;
    snprintf(device, sizeof device, "device.select=%s", chosen_device());
    for (size_t i = 0; settings[i]; i++)
        all[n++] = settings[i];
    struct config *config = config_load(NULL, all, n, &err);
    if (!config)
        fail_msg("%s", err.text);
    struct device *dev = device_open(&(struct device_options){.select = config_device(config),
                                                              .memory_fraction = 0.9,
                                                              .threads = -1},
                                     &err);
    if (!dev)
        fail_msg("%s", err.text);
    const struct model_shape shape = {.window = WINDOW,
                                      .features = FEATURES,
                                      .targets = model_of(config)->supervised ? 1 : 0,
                                      .target_rows = 1,
                                      .target_first = WINDOW,
                                      .target_feature = (const int[]){0}};
    struct model_data data = {.series =
                                  buffer_new(dev, WINDOWS * WINDOW * FEATURES * 4, "series", &err),
                              .order = buffer_new(dev, WINDOWS * 4, "order", &err),
                              .target = buffer_new(dev, WINDOWS * WINDOW * 4, "targets", &err)};
    struct params *params = params_new(0);
    struct model_io io;
    count = 0;
    struct graph *g = model_graph(params, config, WINDOWS, &shape, 1, &data, &io);
    assert_non_null(g);
    assert_int_equal(count, drops);
    assert_int_equal(model_drops(config), drops > 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(paths[i][0], 0);
        if (strstr(paths[i], "(null)"))
            fail_msg("%s: %s", model_of(config)->name, paths[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(paths[i], paths[j]);
    }
    graph_free(g);
    params_free(params);
    buffer_free(data.series);
    buffer_free(data.order);
    buffer_free(data.target);
    device_close(dev);
    config_free(config);
}
#define CHECK_MODEL(drops, ...) check_model((char *[]){__VA_ARGS__, NULL}, drops)

/* A layer drops in attention, within and behind the feed-forward part, and behind attention; the
 * bottleneck of an autoencoder in two places. The second view of NT-Xent is encoded once more. */
static void test_attention(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        char *norm = first ? "model.norm_first=yes" : "model.norm_first=no";
        CHECK_MODEL(3 * 4, "model.type=transformer", "data.targets=close", "model.layers=3", norm);
        CHECK_MODEL(2 * 2 * 4 + 2, "model.layers=2", norm);
        CHECK_MODEL(2 * (2 * 4 + 2) + 2 * 4, "model.layers=2", "loss.contrastive=nt_xent", norm);
    }
}

/* Between layers, so not behind the last. */
static void test_recurrent(void **state)
{
    (void)state;
    CHECK_MODEL(2, "model.type=recurrent", "data.targets=close", "model.layers=3");
    CHECK_MODEL(2, "model.type=recurrent", "data.targets=close", "model.layers=3",
                "model.bidirectional=yes");
    CHECK_MODEL(0, "model.type=recurrent", "data.targets=close", "model.layers=1");
    CHECK_MODEL(4, "model.type=recurrent", "data.targets=close", "model.layers=1",
                "model.attention_layers=1");
    CHECK_MODEL(2, "model.type=cnn_recurrent", "data.targets=close", "model.layers=3");
}

/* OpenDPD's has none. */
static void test_dgru(void **state)
{
    (void)state;
    CHECK_MODEL(0, "model.type=dgru", "data.features=i, q", "data.targets=i",
                "data.target_rows=window", "model.layers=3");
}

/* Behind both convolutions of a block. */
static void test_convolutions(void **state)
{
    (void)state;
    CHECK_MODEL(3 * 2, "model.type=tcn", "data.targets=close", "model.layers=3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_recurrent),
        cmocka_unit_test(test_dgru),
        cmocka_unit_test(test_convolutions),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
