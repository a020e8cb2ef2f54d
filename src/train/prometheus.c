/* SPDX-License-Identifier: MIT */
#include "train/prometheus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train/loop.h"
#include "util/clocale.h"
#include "util/file.h"
#include "util/host.h"
#include "util/now.h"

/* A family of metrics: its first line of values follows. */
static void put_family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP seqtrain_%s %s\n# TYPE seqtrain_%s %s\n", name, help, name, type);
}

/* The text of a label: backslash, quote and line feed are escaped. */
static void put_label(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '\\' || *text == '"')
            fprintf(out, "\\%c", *text);
        else
            putc(*text, out);
}

/* `more` is another label with its comma in front, or "". */
static void put_value(FILE *out, const char *name, const char *run, const char *more, double x)
{
    fprintf(out, "seqtrain_%s{run=\"", name);
    put_label(out, run);
    fprintf(out, "\"%s} ", more);
    if (isnan(x))
        fputs("NaN\n", out);
    else if (isinf(x))
        fputs(x > 0 ? "+Inf\n" : "-Inf\n", out);
    else
        fprintf(out, "%.15g\n", x);
}

static void put_gauge(FILE *out, const char *name, const char *run, const char *help, double x)
{
    put_family(out, name, "gauge", help);
    put_value(out, name, run, "", x);
}

static void put_all(FILE *out, const struct loop *loop)
{
    const struct training *t = loop->training;
    const struct progress *p = &t->progress;
    const struct prometheus *m = &loop->watch.prometheus;
    const char *run = t->config->run.name;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    put_gauge(out, "running", run, "1 while the run trains, 0 at its end.", m->running);
    put_gauge(out, "epoch", run, "Epochs finished.", (double)p->epoch);
    put_gauge(out, "epochs", run, "Epochs of the whole run.", (double)train_epochs(t));
    put_family(out, "steps_total", "counter", "Optimizer steps done.");
    put_value(out, "steps_total", run, "", (double)p->step);
    put_family(out, "training_seconds_total", "counter", "Time spent training.");
    put_value(out, "training_seconds_total", run, "", p->seconds + now() - loop->began);
    put_family(out, "loss", "gauge", "Latest loss of training and of validation.");
    put_value(out, "loss", run, ",part=\"train\"", m->train_loss);
    put_value(out, "loss", run, ",part=\"val\"", m->val_loss);
    put_gauge(out, "best", run, "Monitored figure of the best epoch.",
              p->best_epoch ? p->best : NAN);
    put_gauge(out, "best_epoch", run, "The best epoch; 0: none yet.", (double)p->best_epoch);
    put_gauge(out, "learning_rate", run, "Learning rate of the latest step.", loop->lr);
    put_gauge(out, "gradient_norm", run, "Latest mean gradient norm before clipping.",
              m->grad_norm);
    put_gauge(out, "windows_per_second", run, "Speed of the training.", m->rate);
    put_gauge(out, "device_memory_bytes", run, "Memory of the device that the run takes.",
              (double)device_bytes(t->engine->dev));
    put_gauge(out, "host_memory_bytes", run, "Resident memory of the process.",
              (double)host_resident());
    put_gauge(out, "updated_timestamp_seconds", run, "When this was written, since 1970.",
              (double)wall.tv_sec + (double)wall.tv_nsec * 1e-9);
}

/* The text, which the caller frees; NULL without memory. */
static char *text_of(const struct loop *loop, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        return NULL;
    locale_t before = clocale_enter();
    put_all(out, loop);
    clocale_leave(before);
    int failed = ferror(out);
    if (!fclose(out) && !failed)
        return text;
    free(text);
    return NULL;
}

void prometheus_write(struct loop *loop)
{
    struct prometheus *m = &loop->watch.prometheus;
    const char *path = loop->training->config->log.prometheus;
    struct error err;
    size_t size;
    if (!*path || !train_writes(loop->training))
        return;
    char *text = text_of(loop, &size);
    int failed =
        text ? file_write(path, text, size, &err) : error_set(&err, STATUS_FAILED, "out of memory");
    free(text);
    if (failed && !m->told)
        log_warn(loop->training->log, "log.prometheus: %s", err.text);
    m->told |= failed != 0;
}
