/* SPDX-License-Identifier: MIT */
/*
 * column_kinds: what the columns of a file seem to be, by their names and their first rows: times,
 * words, numbers, the values of a candle, I and Q. It is a guess for whoever has no configuration
 * yet; the reading of the file judges all rows. A struct column_kinds owns its texts.
 */
#ifndef DATA_COLUMN_KINDS_H
#define DATA_COLUMN_KINDS_H

#include <stddef.h>

#include "config/config.h"
#include "error.h"

enum column_kind {
    COLUMN_NUMBERS,
    COLUMN_TIME,  /* a time, or the date of two columns */
    COLUMN_CLOCK, /* the time of day of two */
    COLUMN_WORDS,
    COLUMN_EMPTY,
    COLUMN_UNTOLD, /* a name that an INI file cannot hold, or none */
};

/* What a column is for, by its name. */
enum column_role {
    ROLE_NONE,
    ROLE_OPEN,
    ROLE_HIGH,
    ROLE_LOW,
    ROLE_CLOSE,
    ROLE_VOLUME,
    ROLE_I_IN,
    ROLE_Q_IN,
    ROLE_I_OUT,
    ROLE_Q_OUT,
    ROLE_CAPTION,
    ROLE_FILE,
    ROLE_TEXT,
    ROLES,
};

struct column_kinds {
    struct column_seen {
        char *name;
        enum column_kind kind;
        enum column_role role; /* no two columns have the same, but ROLE_NONE */
        size_t numbers, words; /* fields with a value; words: those that are no number ... */
        char *word;            /* ... and the first of them, in this line; NULL: there is none */
        size_t line;
    } * column;
    size_t columns, rows; /* rows that were looked at */
    int bare;             /* there is no header: the names are the usual ones, or c1, c2 ... */
    int has_known_names;  /* of those the usual ones */
    int is_not_utf8;      /* names are in another encoding than data.encoding says */
};

/* Looks at a file, which is read as the configuration's keys say. STATUS_INPUT. */
int column_kinds_read(struct column_kinds *kinds, const char *path, const struct config *config,
                      struct error *err);
void column_kinds_fini(struct column_kinds *kinds);

/* The column of a role or, the first, of a kind; NULL: there is none. */
const char *column_of_role(const struct column_kinds *kinds, enum column_role role);
const char *column_of_kind(const struct column_kinds *kinds, enum column_kind kind);

#endif
