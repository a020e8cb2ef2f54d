/* SPDX-License-Identifier: MIT */
/*
 * seqtrain init: a commented configuration for data that somebody has.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "propose/propose.h"
#include "util/file.h"

/* Refuses a file that is there. */
static int is_free(const struct options *o, const char *path, struct error *err)
{
    if (o->overwrite || access(path, F_OK))
        return 0;
    return error_set(err, STATUS_USAGE, "%s exists: -o names another file, --overwrite replaces it",
                     path);
}

static void tell(const struct options *o, const struct proposed *made)
{
    if (o->verbosity == LOG_QUIET)
        return;
    printf("%s: written, for a model of the kind '%s'. It says why each value was chosen.\n",
           made->path, made->kind);
    if (made->targets)
        printf("The model forecasts %s; another column: --overwrite -s data.targets=NAME.\n",
               made->targets);
    printf("  seqtrain data -c %s      what the data look like\n"
           "  seqtrain check -c %s     parameters, memory, steps\n"
           "  seqtrain -c %s           train\n",
           made->path, made->path, made->path);
}

int command_init(const struct options *o, struct error *err)
{
    struct proposed made;
    struct error late;
    const int prints = o->output && !strcmp(o->output, "-");
    if (!o->input)
        return error_set(err, STATUS_USAGE, "init needs --data FILE");
    if (o->output && !prints && is_free(o, o->output, err))
        return -1;
    struct log *log = log_new(o->verbosity == LOG_VERBOSE ? LOG_VERBOSE : LOG_QUIET);
    if (!log)
        return error_set(err, STATUS_FAILED, "out of memory");
    int failed = propose(&made, o->word, o->input, prints ? NULL : o->output, o->settings,
                         o->setting_count, log, err);
    log_close(log, &late);
    if (failed)
        return strstr(err->text, "data.") && !strstr(err->text, "-s ")
                   ? error_add(err, "seqtrain init takes such a key as -s data.KEY=VALUE")
                   : -1;
    if (prints)
        fputs(made.text, stdout);
    else if (!(failed = is_free(o, made.path, err) ||
                        file_write(made.path, made.text, strlen(made.text), err)))
        tell(o, &made);
    free(made.path);
    free(made.text);
    free(made.targets);
    return failed ? -1 : 0;
}
