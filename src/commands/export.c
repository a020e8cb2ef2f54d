/* SPDX-License-Identifier: MIT */
/*
 * seqtrain export: a trained model in a format of other programs, on standard output or, with -o,
 * in a file. The checkpoint alone is enough.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "export/export.h"
#include "export/golden.h"
#include "run/prepare.h"
#include "run/trained.h"

struct exporting {
    struct log *log;
    char *path;
    struct checkpoint checkpoint;
    struct exported model;
    int weight_bits; /* of --fixed; 0: it is not given */
    size_t golden;
    struct output out;
};

static const struct export_format *format_of(const struct options *o, struct error *err)
{
    const struct export_format *format =
        o->format ? export_find(o->format, err)
                  : (error_set(err, STATUS_USAGE, "export needs --format onnx, nam or c"), NULL);
    if (format && !format->is_text && !o->output && isatty(STDOUT_FILENO)) {
        error_set(err, STATUS_USAGE, "%s is no text for a terminal: -o FILE writes it there",
                  format->what);
        return NULL;
    }
    return format;
}

/* What --fixed and --golden say. */
static int read_fixed(const struct options *o, struct exporting *to, struct error *err)
{
    char *end = NULL;
    to->golden = GOLDEN_ROWS;
    if (o->golden && !o->fixed)
        return error_set(err, STATUS_USAGE, "--golden is for files of integers: with --fixed");
    if (!o->fixed)
        return 0;
    if (strcmp(o->format, "c") != 0)
        return error_set(err, STATUS_USAGE, "--fixed is for --format c");
    to->weight_bits = !strcmp(o->fixed, "w16a16") ? 16 : !strcmp(o->fixed, "w8a16") ? 8 : 0;
    if (!to->weight_bits)
        return error_set(err, STATUS_USAGE,
                         "--fixed %.80s: w16a16 or w8a16 says the bits of weights and of values",
                         o->fixed);
    if (!o->golden)
        return 0;
    to->golden = strtoul(o->golden, &end, 10);
    if (*o->golden < '0' || *o->golden > '9' || *end || !to->golden || to->golden > GOLDEN_MOST)
        return error_set(err, STATUS_USAGE, "--golden %.80s: rows from 1 to %d", o->golden,
                         GOLDEN_MOST);
    return 0;
}

static int exporting_init(struct exporting *x, const struct options *o, struct error *err)
{
    if (!(x->log = log_new(LOG_QUIET)))
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!(x->path = command_model_path(o, err)) ||
        trained_read(&x->checkpoint, x->path, "-", o->settings, o->setting_count, err) ||
        command_needs_device(o, x->checkpoint.config, err) ||
        output_open(&x->out, o, x->path, NULL, err))
        return -1;
    prepare_tell_unchecked(o->verbosity, x->log, trained_summed(&x->checkpoint), x->path);
    x->checkpoint.config->data.feed = FEED_RESIDENT; /* no rows are read */
    const struct engine_options with = prepare_engine(x->log, 0, 0);
    if (exported_open(&x->model, &x->checkpoint, x->path, &with.own, x->log, err))
        return -1;
    x->model.weight_bits = x->weight_bits;
    x->model.golden = x->golden;
    return o->state ? exported_stream(&x->model, "--state", err) : 0;
}

static int exporting_fini(struct exporting *x, int result, struct error *err)
{
    struct error late;
    result = output_close(&x->out, result, err);
    exported_close(&x->model);
    checkpoint_fini(&x->checkpoint);
    free(x->path);
    if (x->log)
        log_close(x->log, &late);
    return result;
}

int command_export(const struct options *options, struct error *err)
{
    struct exporting x = {0};
    char told[256] = "";
    const struct export_format *format = format_of(options, err);
    if (!format)
        return -1;
    int failed = read_fixed(options, &x, err) || exporting_init(&x, options, err) ||
                 format->write(&x.model, x.out.stream, told, err) || output_flush(&x.out, err);
    failed = exporting_fini(&x, failed ? -1 : 0, err);
    if (!failed && options->output && options->verbosity != LOG_QUIET)
        printf("%s: %s: %s\n", options->output, format->what, told);
    return failed;
}
