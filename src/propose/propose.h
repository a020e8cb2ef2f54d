/* SPDX-License-Identifier: MIT */
/*
 * propose: a configuration for data that somebody has. It looks at the files, decides each key by
 * what it sees, loads the data as the configuration says, and gives the INI file as text, with the
 * reason of each choice as a comment. It asks nothing and trains nothing.
 */
#ifndef PROPOSE_PROPOSE_H
#define PROPOSE_PROPOSE_H

#include <stddef.h>

#include "error.h"
#include "log/log.h"

struct proposed {
    const char *kind; /* "forecast" */
    char *path;       /* of the INI file: as asked for, or KIND.ini */
    char *text;       /* the file */
    char *targets;    /* what a forecast predicts, as data.targets has it; NULL: no forecast. All
                         three are the caller's */
};

/*
 * `kind`: one of propose_kinds, or NULL: what the data look like. `path`: of the INI file that will
 * hold the text, as inputs are told from its folder; NULL: KIND.ini in the current folder. Keys
 * that `settings` give stay as they are. STATUS_USAGE: no such kind, or something is needed that
 * only the caller can know; STATUS_INPUT: the data cannot be read, with the remedy.
 */
int propose(struct proposed *to, const char *kind, const char *data, const char *path,
            char *const *settings, size_t count, struct log *log, struct error *err);

/* Their names; NULL behind the last. */
extern const char *const propose_kinds[];

#endif
