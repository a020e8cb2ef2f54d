/* SPDX-License-Identifier: MIT */
/*
 * seqtrain: the command line, see seqtrain(1). The only place that exits. The locale stays "C", so
 * that numbers have a decimal point everywhere.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/cmdline.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/now.h"

volatile sig_atomic_t interrupted;

/* A second signal of the kind ends the process at once. */
static void on_signal(int number)
{
    interrupted = number;
    signal(number, SIG_DFL);
}

int main(int argc, char **argv)
{
    struct options options = {.started = now()};
    struct error err = {0};
    const struct cmdline_command *command = NULL;
    /* reads and writes go on: it is between steps that an interruption counts */
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is told as a full disk is */
    jsonmem_watch();
    int result = cmdline_parse(argc, argv, &options, &command, &err);
    if (!result)
        options.command = command->name;
    if (!result && command->saves) { /* the others have nothing to save */
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        signal(SIGPIPE, SIG_IGN); /* training goes on without its console */
    }
    if (!result)
        result = command->run(&options, &err);
    if (result >= 0)
        result = file_flush(stdout, "standard output", &err);
    for (size_t i = 0; i < options.setting_count; i++)
        free(options.settings[i]);
    free(options.settings);
    if (result) {
        for (char *line = err.text, *end; line; line = end) {
            end = strchr(line, '\n');
            if (end)
                *end++ = 0;
            fprintf(stderr, "seqtrain: %s\n", line);
        }
        return err.status ? (int)err.status : STATUS_FAILED;
    }
    return interrupted ? 128 + interrupted : STATUS_DONE;
}
