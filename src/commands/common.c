/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/commands.h"
#include "data/source.h"
#include "telemetry/telemetry.h"
#include "util/file.h"

int command_needs_device(const struct options *options, const struct config *config,
                         struct error *err)
{
    if (!device_only_plans(config_device(config)))
        return 0;
    return error_set(err, STATUS_USAGE,
                     "%s needs a device, and device.select = none is none: only check plans "
                     "without one",
                     options->command);
}

/* The least number of shards for so many devices that cut each micro-batch; 0: there is none. */
static long shards_for(const struct config *c, long devices)
{
    const long batch = c->train.batch > 0 ? c->train.batch : c->train.effective_batch;
    for (long n = devices; n <= batch; n++)
        if (!(batch % n) && !(c->train.effective_batch % n))
            return n;
    return 0;
}

int command_deals_shards(const struct config *config, struct error *err)
{
    const long devices = (long)config->device.select.count;
    char would[96] = "a larger train.batch is needed, too";
    if (devices <= config->train.shards || config_splits(config))
        return 0;
    const long shards = shards_for(config, devices);
    if (shards)
        snprintf(would, sizeof would, "train.shards = %ld would do, and changes the last bits",
                 shards);
    return error_set(err, STATUS_USAGE,
                     "device.select names %ld devices, each of which takes one shard or more of a "
                     "micro-batch, and train.shards is %ld: %s",
                     devices, config->train.shards, would);
}

/* How wide recurrent layers walk on a device that was opened, if it offers anything to be tried. */
static void print_walk(const struct device_info *offered, const struct device *opened, FILE *out)
{
    const char *name = device_barrier_name(offered);
    fputs("     wide recurrent layers: ", out);
    if (offered->is_cpu)
        fputs("a product a step\n", out);
    else if (offered->barrier == BARRIER_NONE)
        fputs("a launch a step\n", out);
    else if (opened && device_info(opened)->barrier != BARRIER_NONE)
        fprintf(out, "a launch a pass, with a barrier by %s\n", name);
    else
        fprintf(out, "a launch a step; a barrier by %s does not work: %s\n", name,
                opened ? device_doubts(opened)->barrier : "the device cannot be opened");
}

static void print_matrix(const struct device_info *offered, const struct device *opened, FILE *out)
{
    const char *name = device_matrix_name(offered->matrix_offered);
    if (opened && device_info(opened)->matrix != MATRIX_NONE)
        fprintf(out, "     matrix units: %s\n", device_matrix_name(device_info(opened)->matrix));
    else if (offered->matrix_offered == MATRIX_NONE)
        fputs("     matrix units: none\n", out);
    else
        fprintf(out, "     matrix units: none; %s does not work: %s\n", name,
                opened ? device_doubts(opened)->matrix : "the device cannot be opened");
}

/* What a device offers is tried as it is opened. */
static void print_tried(const struct device_info *offered, unsigned index, FILE *out)
{
    struct error ignored;
    char select[16];
    snprintf(select, sizeof select, "%u", index);
    const struct device_options with = {.select = select, .memory_fraction = 1, .threads = -1};
    const int may = offered->matrix_offered != MATRIX_NONE || offered->barrier != BARRIER_NONE;
    struct device *dev = may ? device_open(&with, &ignored) : NULL;
    print_matrix(offered, dev, out);
    print_walk(offered, dev, out);
    device_close(dev);
}

/* What the sensors of a device tell now. */
static void print_sensors(const struct device_info *info, FILE *out)
{
    char text[320], host[160];
    struct telemetry_reading r;
    struct telemetry *t = telemetry_open(info, &(struct telemetry_options){.power_limit = 0});
    if (!t)
        return;
    telemetry_last(t, &r);
    telemetry_close(t);
    sensed_text(&r, text, sizeof text);
    sensed_text_host(&r, host, sizeof host);
    if (strcmp(r.source, "host") != 0)
        fprintf(out, "     sensors: %s\n", *text ? text : "nothing is told");
    if (*r.source)
        fprintf(out, "     told by %s%s%s%s%s%s%s\n", r.source, *r.card ? ": " : "", r.card,
                *r.driver ? ", driver " : "", r.driver, *r.cuda ? ", CUDA " : "", r.cuda);
    fprintf(out, "     host: %s\n", host);
}

static void print_more(const struct device_info *info, unsigned index, FILE *out)
{
    print_tried(info, index, out);
    print_sensors(info, out);
}

int command_devices(const struct options *options, struct error *err)
{
    const char *text = "auto";
    if (options->test && !options->setting_count)
        return devices_test_all(err);
    for (size_t i = 0; i < options->setting_count; i++)
        if (!strncmp(options->settings[i], "device.select=", 14))
            text = options->settings[i] + 14;
    struct list select;
    if (config_read_devices(text, &select, err))
        return -1;
    int result = device_only_plans(select.item[0])
                     ? error_set(err, STATUS_USAGE,
                                 "devices lists devices, and -d none is none: only check plans "
                                 "without one")
                 : options->test
                     ? devices_test(select.item, select.count, err)
                     : device_list(select.item, select.count, stdout,
                                   options->verbosity == LOG_VERBOSE ? print_more : NULL, err);
    config_free_list(&select);
    return result;
}

/* --- output */

/* Whether a file that is read, unless it is NULL, is the one to be written. */
static int is_output(const struct stat *out, const char *path)
{
    struct stat in;
    return path && !stat(path, &in) && in.st_dev == out->st_dev && in.st_ino == out->st_ino;
}

/* The file to be written is none of the data's: those of -i, or of the configuration. */
static int check_data(const struct stat *out, const struct options *o, const struct config *config,
                      struct error *err)
{
    struct sources data;
    int is_clip, is_data = !o->input && config && is_output(out, config->data.manifest);
    for (size_t i = 0; i < o->file_count; i++)
        is_data |= is_output(out, o->files[i]);
    if (!config)
        data = (struct sources){0};
    else if (o->input ? sources_given(config, o->input, &data, &is_clip, err)
                      : sources_find(config, &data, err))
        return -1;
    for (size_t i = 0; i < data.count; i++)
        is_data |= is_output(out, data.item[i].path) || is_output(out, data.item[i].target);
    sources_fini(&data);
    return is_data ? error_set(err, STATUS_USAGE,
                               "-o %s: this is a file of the data, which would be overwritten",
                               o->output)
                   : 0;
}

/* -o names a file that is not there yet, or a plain one that the command does not read. */
static int check_output(const struct options *o, const char *checkpoint,
                        const struct config *config, struct error *err)
{
    const struct {
        const char *path, *what;
    } read[] = {{checkpoint, "checkpoint"},
                {o->input, "input"},
                {o->config, "configuration"},
                {o->tokenizer, "tokenizer"}};
    struct stat out;
    if (stat(o->output, &out))
        return 0;
    if (S_ISDIR(out.st_mode))
        return error_set(err, STATUS_USAGE, "-o %s: this is a folder, and %s writes a file",
                         o->output, o->command);
    if (!S_ISREG(out.st_mode))
        return error_set(err, STATUS_USAGE,
                         "-o %s: this is no plain file; without -o, %s writes to standard output",
                         o->output, o->command);
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (is_output(&out, read[i].path))
            return error_set(err, STATUS_USAGE, "-o %s: this is the %s, which would be overwritten",
                             o->output, read[i].what);
    return check_data(&out, o, config, err);
}

/* The name of the file under way; NULL: none. */
static char *volatile under_way;

/* Removes it and lets the signal do what it does. */
static void on_end(int number)
{
    if (under_way)
        unlink(under_way);
    signal(number, SIG_DFL);
    raise(number);
}

/* A signal that ends the process leaves nothing of the file. */
static void watch_signals(const char *path)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1};
    under_way = strdup(path);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (signal(numbers[i], on_end) == SIG_IGN)
            signal(numbers[i], SIG_IGN);
}

int output_open(struct output *out, const struct options *options, const char *checkpoint,
                const struct config *config, struct error *err)
{
    *out = (struct output){.stream = stdout, .name = "standard output"};
    if (!options->output)
        return 0;
    if (check_output(options, checkpoint, config, err) ||
        !(out->draft = file_begin(options->output, err)))
        return -1;
    watch_signals(out->draft->aside);
    out->stream = out->draft->stream;
    out->name = options->output;
    return 0;
}

int output_flush(struct output *out, struct error *err)
{
    return file_flush(out->stream, out->name, err);
}

int output_close(struct output *out, int result, struct error *err)
{
    struct file_draft *draft = out->draft;
    char *aside = under_way;
    out->draft = NULL;
    if (draft && result)
        file_abort(draft);
    else if (draft && file_commit(draft, err))
        result = -1;
    under_way = NULL;
    free(aside);
    return result ? -1 : 0;
}
