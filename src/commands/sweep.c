/* SPDX-License-Identifier: MIT */
/*
 * seqtrain sweep: the runs of a file with [sweep], each by a command of its own (--list) or one of
 * them in this process (--run N).
 */
#include "sweep/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/commands.h"
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

static int list(const struct sweep *s, const char *config, struct error *err)
{
    struct stat st;
    struct sweep_run run;
    if (stat(config, &st))
        return error_errno(err, STATUS_USAGE, config);
    if (!S_ISREG(st.st_mode))
        return error_set(err, STATUS_USAGE,
                         "--list: %s is no plain file, which each of the commands could read",
                         config);
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

static int train_one(const struct options *options, const struct sweep *s, struct error *err)
{
    char *end;
    struct sweep_run run;
    errno = 0;
    unsigned long number = strtoul(options->run, &end, 10);
    if (!strchr("0123456789", *options->run) || *end || errno || number < 1 || number > s->runs)
        return error_set(err, STATUS_USAGE, "--run %s: there are the runs 1 to %zu", options->run,
                         s->runs);
    if (sweep_run(s, number, NULL, &run, err))
        return -1;
    if (options->verbosity > LOG_QUIET)
        printf("run %lu of %zu: %s\n", number, s->runs, run.label);
    int result = command_train_config(options, run.config,
                                      options->overwrite ? FOLDER_OVERWRITE : FOLDER_RESUME, err);
    sweep_run_fini(&run);
    return result;
}

int command_sweep(const struct options *options, struct error *err)
{
    if (!options->config)
        return error_set(err, STATUS_USAGE, "sweep needs -c FILE");
    if (!options->list == !options->run)
        return error_set(err, STATUS_USAGE, "sweep needs one of --list and --run N");
    struct sweep *s = sweep_open(options->config, options->settings, options->setting_count, err);
    int result = !s              ? -1
                 : options->list ? list(s, options->config, err)
                                 : train_one(options, s, err);
    sweep_free(s);
    return result;
}
