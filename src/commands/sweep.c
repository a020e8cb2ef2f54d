/* SPDX-License-Identifier: MIT */
/*
 * seqtrain sweep: the runs of a file with [sweep]: all of them, each by a command of its own
 * (--list), one of them in this process (--run N), and what has come of them.
 */
#include "sweep/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/commands.h"
#include "exec/comm.h"
#include "run/run.h"
#include "sweep/chain.h"
#include "sweep/fleet.h"
#include "sweep/results.h"
#include "sweep/search.h"
#include "sweep/wire.h"
#include "sweep/worker.h"
#include "train/budget.h"
#include "train/planned.h"
#include "util/file.h"

/* --- a command for each run */

/* A word as a shell reads it. */
static void put_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+./:=,@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    putchar('\'');
}

/* This program, as it was called: by its name, or by where it lies. */
static char *program(void)
{
    const char *name = program_invocation_name;
    return strchr(name, '/') ? file_real(name) : strdup(name);
}

static void put_command(const char *name, const char *path, const struct sweep_run *run)
{
    put_word(name);
    fputs(" train -c ", stdout);
    put_word(path);
    for (size_t i = 0; i < run->settings; i++) {
        fputs(" -s ", stdout);
        put_word(run->setting[i]);
    }
    puts(" --resume");
}

/* Other processes can read the configuration. */
static int check_plain(const char *what, const char *config, struct error *err)
{
    struct stat st;
    if (stat(config, &st))
        return error_errno(err, STATUS_USAGE, config);
    return S_ISREG(st.st_mode)
               ? 0
               : error_set(err, STATUS_USAGE,
                           "%s: %s is no plain file, which each of the runs could read", what,
                           config);
}

static int list(const struct sweep *s, const char *config, struct error *err)
{
    struct sweep_run run;
    if (s->base->sweep.sampler == SAMPLER_TPE)
        return error_set(err, STATUS_USAGE,
                         "--list: sampler = tpe chooses the values of a run when it begins: "
                         "'seqtrain sweep -c %s --run N' is the command of each, N from 1 to %zu",
                         config, s->runs);
    if (check_plain("--list", config, err))
        return -1;
    char *name = program(), *path = file_real(config);
    int failed = name && path ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 1; !failed && i <= s->runs; i++) {
        failed = sweep_run(s, i, NULL, &run, err);
        if (failed)
            break;
        put_command(name, path, &run);
        sweep_run_fini(&run);
    }
    free(name);
    free(path);
    return failed;
}

/* --- one run */

/* The run's number; 0: it is none. */
static size_t number_of(const char *text, const struct sweep *s, struct error *err)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (strchr("0123456789", *text) && !*end && !errno && number >= 1 && number <= s->runs)
        return number;
    error_set(err, STATUS_USAGE, "--run %s: there are the runs 1 to %zu", text, s->runs);
    return 0;
}

/* A run that this process has. */
struct one {
    const struct options *options;
    struct state *state;
    size_t number;
    int supervisor;         /* the socket to it; -1: there is none */
    struct config *config;  /* while it is trained */
    long batch, accumulate; /* with which it may go on where memory ran out; 0: none */
};

/* Asks the supervisor for memory of the device. */
static int ask_supervisor(void *ctx, const struct engine *planned, struct error *err)
{
    const struct one *one = ctx;
    const int is_cpu = device_info(planned->dev)->is_cpu;
    const int limits = one->config->device.power_limit > 0; /* and puts back what was before */
    const struct wire_plan plan = {.bytes = planned_bytes(planned, 0),
                                   .budget = device_budget(planned->dev),
                                   .is_cpu = is_cpu,
                                   .shares = !limits && (!is_cpu || one->config->device.memory)};
    return wire_ask(one->supervisor, &plan, &interrupted, err);
}

/* Asks the supervisor, or this process itself, whether the run ends with an epoch. */
static int judge_epoch(void *ctx, long epoch, double figure, int is_last, struct error *err)
{
    const struct one *one = ctx;
    const struct epoch_told told = {epoch, figure, is_last};
    return one->supervisor >= 0 ? wire_ask_epoch(one->supervisor, &told, &interrupted)
                                : search_judge(one->state, one->number, &told, err);
}

/* The micro-batch that memory has left to the run. */
static void take_batch(struct config *config, const struct run_place *place)
{
    if (!place->batch)
        return;
    config->train.batch = place->batch;
    config->train.accumulate = place->accumulate;
    if (config->train.evaluate_batch > place->batch)
        config->train.evaluate_batch = -1;
}

/* Several devices are for one model, and runs of a sweep are many. */
static int check_device(const struct config *config, struct error *err)
{
    const size_t devices = config->device.select.count;
    return devices == 1 ? 0
                        : error_set(err, STATUS_USAGE,
                                    "device.select names %zu devices, and a run of a sweep has "
                                    "one: -d names it, and the commands of --list take several",
                                    devices);
}

/* Trains the run. */
static int train_run(struct one *one, struct error *err)
{
    const struct options *options = one->options;
    const struct sweep *s = one->state->runs->sweep;
    const struct run_place *place = &one->state->place[one->number - 1];
    struct sweep_run run;
    struct run_options as = {.use = options->overwrite ? FOLDER_OVERWRITE : FOLDER_RESUME,
                             .smaller_batch = place->batch > 0};
    if (one->supervisor >= 0)
        as.gate = (struct engine_gate){ask_supervisor, one};
    if (s->base->sweep.pruner != PRUNER_NONE)
        as.judge = (struct judge){judge_epoch, one};
    if (sweep_run(s, one->number, place->point, &run, err))
        return -1;
    if (options->verbosity > LOG_QUIET)
        printf("run %zu of %zu: %s\n", one->number, s->runs, run.label);
    one->config = run.config;
    take_batch(run.config, place);
    int result =
        check_device(run.config, err) || command_train_config(options, run.config, &as, err) ? -1
                                                                                             : 0;
    if (result && err->cause == CAUSE_MEMORY && budget_smaller(run.config)) {
        error_prefix(err, "no micro-batch is smaller than train.batch = %ld",
                     run.config->train.batch);
    } else if (result && err->cause == CAUSE_MEMORY) {
        one->batch = run.config->train.batch;
        one->accumulate = run.config->train.accumulate;
    }
    sweep_run_fini(&run);
    return result;
}

/* The same for a supervisor, which journals. */
static int train_supervised(struct one *one, struct error *err)
{
    int result = train_run(one, err);
    if (result && one->batch)
        wire_tell_short(one->supervisor, one->batch, one->accumulate);
    return result;
}

/* Journals what has come of the run, which had this result. */
static int tell_result(struct one *one, int result, struct error *why, struct error *err)
{
    struct state *state = one->state;
    const size_t number = one->number;
    if (result && one->batch) {
        error_add(why, "run %zu goes on with train.batch = %ld when it is started again", number,
                  one->batch);
        return state_tell_smaller(state, number, one->batch, one->accumulate, err);
    }
    if (result) {
        json_t *message = json_string(why->text);
        return state_tell(state, "failed", number,
                          json_pack("{s:i, s:o}", "status", (int)why->status, "message",
                                    message ? message : json_null()),
                          err);
    }
    if (state->place[number - 1].state == RUN_PRUNED)
        return 0;
    return interrupted ? state_tell(state, "stopped", number, NULL, err)
                       : state_tell_end(state, number, err);
}

/* What goes before a run that this process journals; 1: there is nothing to train. */
static int begin_run(const struct one *one, struct error *err)
{
    struct state *state = one->state;
    const size_t number = one->number;
    if (one->options->overwrite &&
        (state_tell(state, "anew", number, NULL, err) || state_clear_run(state, number, err)))
        return -1;
    if (search_prepare(state, number, err))
        return -1;
    if (state->place[number - 1].state != RUN_PRUNED)
        return state_tell(state, "started", number, NULL, err);
    if (one->options->verbosity > LOG_QUIET)
        printf("run %zu of %zu was pruned: it is at its end\n", number, state->runs->count);
    return 1;
}

/* The same, journaled by this process. */
static int journal_run(struct one *one, struct error *err)
{
    struct error late = {0};
    int result = begin_run(one, err);
    if (result)
        return result < 0 ? -1 : 0;
    result = train_run(one, err);
    int failed = tell_result(one, result, err, &late) || results_write(one->state, &late);
    if (failed && !result) {
        *err = late;
        result = -1;
    }
    return result;
}

/* Whether the run that a run starts from has ended. */
static int check_ready(const struct state *state, size_t number, struct error *err)
{
    const size_t before = chain_before(state->runs->sweep, number);
    return !before || state->place[before - 1].state == RUN_ENDED
               ? 0
               : error_set(err, STATUS_FAILED,
                           "run %zu starts from the weights of run %zu, which has not ended",
                           number, before);
}

/* Trains a run, by itself or for the supervisor that has started this process and journals. */
static int train_one(const struct options *options, struct runs *runs, struct log *log,
                     struct error *err)
{
    size_t number = number_of(options->run, runs->sweep, err);
    struct state *state = number ? state_open(runs, log, err) : NULL;
    struct worker_place place;
    struct worker *worker = NULL;
    struct claim_look look;
    if (!state)
        return -1;
    int supervised = worker_place(&place);
    if (comm_is_launched()) {
        state_free(state);
        return error_set(err, STATUS_USAGE,
                         "--run trains in one process; several ranks train the run by its line of "
                         "sweep --list");
    }
    int result = supervised ? state_check(state, err) : state_begin(state, 0, err);
    if (!result)
        result = check_ready(state, number, err);
    if (!result)
        result =
            worker_begin(&worker, &place, state->folder, number, &interrupted, log, &look, err);
    if (result > 0 && !interrupted)
        result = error_set(err, STATUS_FAILED, "run %zu is trained by %s", number, look.holder);
    else if (!result) {
        struct one one = {.options = options,
                          .state = state,
                          .number = number,
                          .supervisor = supervised ? place.socket : -1};
        result = supervised ? train_supervised(&one, err) : journal_run(&one, err);
    }
    worker_end(worker);
    state_free(state);
    return result < 0 ? -1 : 0;
}

/* --- all runs */

static int train_all(const struct options *options, struct runs *runs, struct log *log,
                     struct error *err)
{
    const struct fleet_options with = {
        .config_path = options->config,
        .settings = options->settings,
        .setting_count = options->setting_count,
        .overwrite = options->overwrite,
        .verbosity = options->verbosity,
        .interrupted = &interrupted,
    };
    comm_forget_launcher(); /* it may start a supervisor on each machine: their runs are no ranks */
    return check_plain("sweep", options->config, err) || fleet_train(runs, &with, log, err) ? -1
                                                                                            : 0;
}

/* --- what has come of them */

static int print_status(struct runs *runs, struct log *log, struct error *err)
{
    struct state *state = state_open(runs, log, err);
    int failed = !state || state_check(state, err) || results_print(state, stdout, err);
    state_free(state);
    return failed ? -1 : 0;
}

/* Copies the configuration of the best run to where -o says. */
static int write_best(const struct options *options, struct runs *runs, struct log *log,
                      struct error *err)
{
    struct state *state = state_open(runs, log, err);
    struct output out;
    size_t run = 0, size;
    char *path = NULL, *text = NULL;
    int failed = !state || state_check(state, err) || results_best(state, &run, err);
    if (!failed && !run)
        failed = error_set(err, STATUS_FAILED, "%s: no run has ended yet", state->folder);
    if (!failed && !(path = file_join(runs->row[run - 1].folder, "config.ini")))
        failed = error_set(err, STATUS_FAILED, "out of memory");
    failed = failed || !(text = file_read(path, (size_t)1 << 24, &size, err)) ||
             output_open(&out, options, NULL, runs->sweep->base, err);
    if (!failed) {
        fwrite(text, 1, size, out.stream);
        failed = output_close(&out, output_flush(&out, err), err);
    }
    if (!failed && options->output)
        log_say(log, "The best is run %zu (%s).", run, runs->row[run - 1].name);
    free(path);
    free(text);
    state_free(state);
    return failed ? -1 : 0;
}

static int run_command(const struct options *options, struct sweep *s, struct error *err)
{
    struct log *log = log_new(options->verbosity);
    struct runs *runs = log ? runs_of(s, err) : NULL;
    struct error late;
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    int result = !runs || search_check(runs, err) ? -1
                 : options->run                   ? train_one(options, runs, log, err)
                 : options->status                ? print_status(runs, log, err)
                 : options->best                  ? write_best(options, runs, log, err)
                                                  : train_all(options, runs, log, err);
    runs_free(runs);
    log_close(log, &late);
    return result;
}

int command_sweep(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "sweep needs -c FILE");
    if (options->list + (options->run != NULL) + options->status + options->best > 1)
        return error_set(err, STATUS_USAGE,
                         "--list, --run N, --status and --best exclude each other");
    if (options->overwrite && (options->list || options->status || options->best))
        return error_set(err, STATUS_USAGE, "--overwrite is for sweep and sweep --run N");
    struct sweep *s = sweep_open(options->config, options->settings, options->setting_count, err);
    int result = !s              ? -1
                 : options->list ? list(s, options->config, err)
                                 : run_command(options, s, err);
    sweep_free(s);
    return result;
}
