/* SPDX-License-Identifier: MIT */
/*
 * commands: what the first word of the command line stands for. Each takes the parsed options and
 * returns an exit status with, unless it is 0, a message in `err`. Nothing here exits.
 */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

#include <signal.h>

#include "config/config.h"
#include "exec/comm.h"
#include "log/log.h"
#include "roofline/card.h"
#include "run/folder.h"
#include "train/checkpoint.h"
#include "train/engine.h"

struct run_options;

struct options {
    const char *command; /* its name */
    const char *word;    /* behind it; NULL without one */
    const char *config, *model, *input;
    const char *output; /* file to write instead of standard output */
    char **settings;    /* -s, and -d and a run folder's -o as settings */
    size_t setting_count;
    char **files; /* behind a command that takes files or folders */
    size_t file_count;
    const char *tokenizer, *vocabulary, *kind; /* of tokenize */
    const char *roofline;                      /* of check: a card; NULL: none */
    const char *from;                          /* of train: a checkpoint to go on from */
    const char *keep;                          /* of compress: the part that stays */
    const char *follow;                        /* of predict: a file that grows */
    const char *run;                           /* number of a sweep's run; NULL: none is named */
    const char *format, *fixed, *golden;       /* of export */
    const char *prompt, *stop, *tokens, *temperature, *top_k, *top_p, *repetition, *seed;
    int test; /* of devices */
    int resume, refit, overwrite, gradients, plan, profile, list, all, status, best;
    int count, decode, special, train; /* of tokenize */
    int state;                         /* of export */
    int features;                      /* of data */
    enum verbosity verbosity;
    double started; /* now() when the process began */
};

/* The signal that asks for an end; 0: none. Set by main's handler. */
extern volatile sig_atomic_t interrupted;

/* The ranks that this process is one of; NULL: it is alone. */
extern struct comm *ranks;

int command_init(const struct options *options, struct error *err);
int command_train(const struct options *options, struct error *err);
int command_sweep(const struct options *options, struct error *err);
int command_check(const struct options *options, struct error *err);
int command_evaluate(const struct options *options, struct error *err);
int command_encode(const struct options *options, struct error *err);
int command_predict(const struct options *options, struct error *err);
int command_generate(const struct options *options, struct error *err);
int command_merge(const struct options *options, struct error *err);
int command_compress(const struct options *options, struct error *err);
int command_export(const struct options *options, struct error *err);
int command_tokenize(const struct options *options, struct error *err);
int command_report(const struct options *options, struct error *err);
int command_compare(const struct options *options, struct error *err);
int command_data(const struct options *options, struct error *err);
int command_devices(const struct options *options, struct error *err);
int command_help(const struct options *options, struct error *err);
int command_completion(const struct options *options, struct error *err);

/* predict, for rows that come. */
int command_live(const struct options *options, struct error *err);

/* --- shared by commands */

/* Trains a configuration in its run folder, to its end; `as`: what the folder may be used for, who
 * is asked for memory, and who judges epochs. */
int command_train_config(const struct options *options, struct config *config,
                         const struct run_options *as, struct error *err);

/* The same of the configuration that is in a checkpoint, with the settings of the options. */
int command_train_checkpoint(const struct options *options, const char *path, struct error *err);

/* The checkpoint or Hugging Face folder of -m, or the best one of the run folder that it names, or
 * best.safetensors in the run folder of -c; the caller frees. */
char *command_model_path(const struct options *options, struct error *err);

/* Refuses device.select = none, which only check knows what to do with. */
int command_needs_device(const struct options *options, const struct config *config,
                         struct error *err);

/* That there is a shard for each of several devices. */
int command_deals_shards(const struct config *config, struct error *err);

/* Tries devices by known answers (known/known.h) and prints them: those that are named, or all.
 * STATUS_DEVICE with the families whose answers are wrong. */
int devices_test(char *const *select, size_t count, struct error *err);
int devices_test_all(struct error *err);

/* What a command prints to: -o's file, which appears whole or not at all, or standard output.
 * Without a configuration the files of the command line are its data. */
struct output {
    FILE *stream;
    const char *name;
    struct file_draft *draft; /* NULL: standard output */
};
int output_open(struct output *out, const struct options *options, const char *checkpoint,
                const struct config *config, struct error *err);

/* Fails where what was printed cannot be written: the rest need not be computed. */
int output_flush(struct output *out, struct error *err);

/* Ends what a command with this result has printed; returns the result, or -1. */
int output_close(struct output *out, int result, struct error *err);

/* Where the time of a profiled engine went: launches by kernel, with GF/s and GB/s against the
 * device's measured ceilings; then what its programs cost. */
int profile_print(struct engine *e, FILE *out, struct error *err);

/* What a training step takes on a card by the model of roofline/roofline.h, by kernel, and with
 * `launches` each of them. */
int roofline_print(const struct engine *e, const struct card *card, int launches,
                   struct error *err);

#endif
