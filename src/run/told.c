/* SPDX-License-Identifier: MIT */
#include "run/told.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "telemetry/telemetry.h"
#include "train/advice.h"
#include "train/schedule.h"
#include "util/jsonnumber.h"

/* What the sensors tell that stays as it is. */
static void add_card(const struct training *t, json_t *event)
{
    struct telemetry_reading r;
    if (!t->telemetry || !t->config->log.telemetry)
        return;
    telemetry_last(t->telemetry, &r);
    json_object_set_new(event, "telemetry", sensed_json_fixed(&r));
}

static json_t *start_event(const struct training *t)
{
    const struct engine *e = t->engine;
    const struct device_info *d = device_info(e->dev);
    return json_pack(
        "{s:s, s:s, s:s, s:s*, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "version", PACKAGE_VERSION,
        "folder", t->folder, "device", d->name, "part", *d->part ? d->part : NULL, "platform",
        d->platform, "gemm", gemm_provider_name(e->dev, e->gemm), "parameters",
        (json_int_t)params_count(e->params), "device_bytes", (json_int_t)device_bytes(e->dev),
        "train_windows", (json_int_t)e->data->count[PART_TRAIN], "validation_windows",
        (json_int_t)e->data->count[PART_VALIDATION], "test_windows",
        (json_int_t)e->data->count[PART_TEST]);
}

/* What the run is trained with, for TensorBoard. */
static void tell_hparams(const struct training *t)
{
    char *config = config_text(t->config);
    log_hparams(t->log, config_hparams(t->config), config ? config : "");
    free(config);
}

/* A file that stands for several runs was trained as if it were one. */
static void say_varied(const struct config *c, struct log *log)
{
    struct config_varied varied;
    size_t count = 0;
    while (!config_varied(c, count, &varied))
        count++;
    if (!count)
        return;
    config_varied(c, 0, &varied);
    log_say(log,
            "[sweep] varies %s%s: this run is of the base configuration; 'seqtrain sweep' "
            "trains all of them.",
            varied.name, count > 1 ? " and others" : "");
}

static void say_devices(const struct config *c, struct log *log)
{
    const struct list *devices = &c->device.select;
    char *names = NULL;
    size_t size;
    FILE *out = open_memstream(&names, &size);
    for (size_t i = 0; out && i < devices->count; i++)
        fprintf(out, "%s%s", i ? ", " : "", devices->item[i]);
    const int failed = !out || fclose(out);
    if (!failed && config_splits(c))
        log_say(log, "Devices: the layers lie on %s.", names);
    else if (!failed)
        log_say(log, "Devices: %s train together, each micro-batch in %ld shards.", names,
                c->train.shards);
    free(names);
}

static void say_start(const struct training *t)
{
    const struct engine *e = t->engine;
    const struct device_info *d = device_info(e->dev);
    const struct config *c = t->config;
    say_varied(c, t->log);
    log_say(t->log, "Device: %s%s%s (%s), matrices by %s", d->part, *d->part ? ", part of " : "",
            d->name, d->platform, gemm_provider_name(e->dev, e->gemm));
    log_say(t->log, "Model: %s, %zu parameters; %.1f MiB on the device", model_of(c)->name,
            params_count(e->params), (double)device_bytes(e->dev) / 0x1p20);
    const size_t frozen = params_count_of(e->params, PARAM_FROZEN);
    if (frozen)
        log_say(t->log, "Frozen: %zu parameters; %zu are trained.", frozen,
                params_count_of(e->params, PARAM_TRAINED));
    struct schedule s = schedule_make(c, e->data->count[PART_TRAIN]);
    if (e->feed->stage)
        log_say(t->log, "Data: the windows of each batch are brought to the device.");
    log_say(t->log, "%ld epochs of %ld steps, each %ld x %ld windows", train_epochs(t), s.per_epoch,
            c->train.accumulate, c->train.batch);
    advice_step(c, e->data->count[PART_TRAIN], t->log);
    advice_warn(c, e->data, t->log);
    monitor_warn(&t->monitor, c, t->log);
    char what[64];
    const char *by_batch = model_by_batch(c, what);
    if ((c->train.accumulate > 1 || c->train.shards > 1) && by_batch)
        log_say(t->log, "%c%s is that of each %s of %ld windows.",
                toupper((unsigned char)*by_batch), by_batch + 1,
                c->train.shards > 1 ? "shard" : "micro-batch", c->train.batch / c->train.shards);
    if (c->device.select.count > 1)
        say_devices(c, t->log);
    else if (t->comm)
        log_say(t->log, "Ranks: %d train together, each micro-batch in %ld shards.",
                comm_size(t->comm), c->train.shards);
}

void told_start(const struct training *t, int wanted, int resumes)
{
    const struct progress *p = &t->progress;
    json_t *start = start_event(t);
    add_card(t, start);
    if (!resumes)
        json_object_set_new(start, "config", config_json(t->config));
    log_event(t->log, "start", start);
    if (t->config->log.tensorboard)
        tell_hparams(t);
    if (wanted && !resumes)
        log_say(t->log, "%s holds no checkpoint to go on from: the run starts afresh.", t->folder);
    if (resumes) {
        log_event(
            t->log, "resume",
            json_pack("{s:I, s:I}", "epoch", (json_int_t)p->epoch, "step", (json_int_t)p->step));
        log_say(t->log, "Resuming after epoch %ld, step %ld.", p->epoch, p->step);
    }
    say_start(t);
}

/* What the best epoch is told by: its validation loss, or the monitored figure where there is none.
 */
static double best_figure(const struct training *t, const char **name)
{
    const struct progress *p = &t->progress;
    double val = p->best_epoch > 0 && (size_t)p->best_epoch <= p->epochs
                     ? p->history[p->best_epoch - 1].val.loss
                     : NAN;
    *name = isfinite(val) ? "val_loss" : t->monitor.name;
    return isfinite(val) ? val : p->best;
}

void told_best(const struct training *t, const char *what)
{
    const char *name;
    double best = best_figure(t, &name);
    log_say(t->log, "%s: %sbest epoch %ld, %s %s", t->folder, what, t->progress.best_epoch, name,
            log_figure(best, 6).text);
}

void told_end(const struct training *t)
{
    const struct progress *p = &t->progress;
    const char *name;
    double figure = best_figure(t, &name);
    log_event(t->log, "end",
              json_pack("{s:s, s:I, s:o, s:o, s:I, s:f}", "folder", t->folder, "best_epoch",
                        (json_int_t)p->best_epoch, name, jsonnumber(figure), "best",
                        jsonnumber(p->best), "epochs", (json_int_t)p->epoch, "seconds",
                        p->seconds));
}
