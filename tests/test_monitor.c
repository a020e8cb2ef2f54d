/* SPDX-License-Identifier: MIT */
/*
 * monitor: which figure train.monitor names in each kind of model, and which way is better.
 */
#include "train/monitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "task/task.h"

static struct config *configured(char *const *settings, size_t count)
{
    struct error err;
    struct config *c = config_load(NULL, settings, count, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}
#define CONFIG(...)                                          \
    configured((char *[]){"data.source=a.csv", __VA_ARGS__}, \
               sizeof((char *[]){"data.source=a.csv", __VA_ARGS__}) / sizeof(char *))
#define TARGETS "model.type=recurrent", "data.targets=close", "data.horizon=1"

#define SIGNAL \
    "model.type=dgru", "data.features=i, q", "data.targets=a, b", "data.target_rows=window"

/* Figures that are all different ones. */
static struct epoch_figures some_figures(void)
{
    return (struct epoch_figures){
        .train = {1, {2, 3}}, .val = {4, {5, 6}}, .metric = 7, .lr = 8, .seconds = 9};
}

static void finds(struct config *c, const char *name, double figure, int lower)
{
    struct monitor m;
    struct error err;
    struct epoch_figures figures = some_figures();
    if (monitor_find(&m, c, task_measures(c), &err))
        fail_msg("%s", err.text);
    assert_string_equal(m.name, name);
    assert_true(monitor_figure(&m, &figures) == figure);
    assert_int_equal(m.lower_is_better, lower);
    assert_false(m.is_against);
    config_free(c);
}

static void figures(void **state)
{
    (void)state;
    finds(CONFIG("run.seed=1"), "val_loss", 4, 1);
    finds(CONFIG("train.monitor=val/loss"), "val_loss", 4, 1);
    finds(CONFIG("train.monitor=train_loss"), "train_loss", 1, 1);
    finds(CONFIG("train.monitor=val_reconstruction"), "val_reconstruction", 5, 1);
    finds(CONFIG("train.monitor=val/contrastive"), "val_contrastive", 6, 1);
    finds(CONFIG("train.monitor=train/contrastive"), "train_contrastive", 3, 1);
    finds(CONFIG(TARGETS, "train.monitor=train/mse"), "train_mse", 2, 1);
    finds(CONFIG(TARGETS, "train.monitor=val/mse"), "val_mse", 5, 1); /* the loss, not the metric */
    finds(CONFIG(TARGETS, "train.monitor=val/huber", "loss.target=huber"), "val_huber", 5, 1);
    finds(CONFIG(TARGETS, "train.monitor=val/mse", "loss.target=huber"), "val_mse", 7, 1);
    finds(CONFIG(TARGETS, "train.monitor=val/r2"), "val_r2", 7, 0);
    finds(CONFIG(TARGETS, "train.monitor=val/r2", "train.mode=max"), "val_r2", 7, 0);
    finds(CONFIG(TARGETS, "train.monitor=val/directional_accuracy"), "val_directional_accuracy", 7,
          0);
    finds(CONFIG(TARGETS, "train.monitor=val/mae", "train.mode=min"), "val_mae", 7, 1);
    finds(CONFIG(SIGNAL, "signal.sample_rate=8e8", "train.monitor=val/nmse_db"), "val_nmse_db", 7,
          1);
}

static void refuses(struct config *c, const char *text)
{
    struct monitor m;
    struct error err = {0};
    assert_int_equal(monitor_find(&m, c, task_measures(c), &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
    assert_string_equal(err.text, text);
    config_free(c);
}

static void unknown_figures(void **state)
{
    (void)state;
    refuses(CONFIG("train.monitor=val/mse"),
            "this model has no figure 'val/mse': there are train/loss, "
            "train/reconstruction, train/contrastive, val/loss, val/reconstruction, "
            "val/contrastive");
    /* what is left out is always 0 */
    refuses(CONFIG("train.monitor=val_contrastive", "loss.contrastive=none"),
            "this model has no figure 'val/contrastive': there are train/loss, "
            "train/reconstruction, val/loss, val/reconstruction");
    refuses(CONFIG(TARGETS, "train.monitor=train/r2"),
            "this model has no figure 'train/r2': there are train/loss, "
            "train/mse, val/loss, val/mse, val/mae, val/rmse, val/r2, val/directional_accuracy");
    refuses(CONFIG("model.type=recurrent", "data.targets=close", "data.target_rows=window",
                   "loss.target=mae", "train.monitor=val/directional_accuracy"),
            "this model has no figure 'val/directional_accuracy': there are "
            "train/loss, train/mae, val/loss, val/mae, val/mse, val/rmse, val/r2");
    refuses(CONFIG(SIGNAL, "train.monitor=val/nmse_db"),
            "this model has no figure 'val/nmse_db': there are train/loss, train/mse, val/loss, "
            "val/mse, val/mae, val/rmse, val/r2");
    refuses(CONFIG("train.monitor=val/lr"),
            "this model has no figure 'val/lr': there are train/loss, "
            "train/reconstruction, train/contrastive, val/loss, val/reconstruction, "
            "val/contrastive");
}

static void against(struct config *c, int lower)
{
    struct monitor m;
    struct error err;
    if (monitor_find(&m, c, task_measures(c), &err))
        fail_msg("%s", err.text);
    assert_true(m.is_against);
    assert_int_equal(m.lower_is_better, lower); /* as the user has it */
    config_free(c);
}

static void the_wrong_way(void **state)
{
    (void)state;
    against(CONFIG(TARGETS, "train.monitor=val/r2", "train.mode=min"), 1);
    against(CONFIG(TARGETS, "train.monitor=val/mae", "train.mode=max"), 0);
    against(CONFIG("train.mode=max"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures),
        cmocka_unit_test(unknown_figures),
        cmocka_unit_test(the_wrong_way),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
