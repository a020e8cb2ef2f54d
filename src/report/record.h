/* SPDX-License-Identifier: MIT */
/*
 * record: what the folder of a run tells of it: its log, with closed segments, its configuration
 * and its plan. No device and no data are needed. The folder may be anybody's: whatever its files
 * hold, memory is bounded, and what cannot be read is counted and passed over. A record owns what
 * it holds.
 */
#ifndef REPORT_RECORD_H
#define REPORT_RECORD_H

#include <jansson.h>
#include <stddef.h>

#include "config/listed.h"
#include "error.h"

enum {
    RECORD_COLUMNS = 48,    /* figures of an epoch that are kept: the first ones */
    RECORD_EPOCHS = 100000, /* the first ones */
    RECORD_NOTES = 100,     /* warnings and advice: the first ones */
    RECORD_TIME = 32,       /* room for a time with its NUL */
};

/* A figure of all epochs; NaN where an epoch has none. */
struct record_column {
    char *name;    /* "val_loss" */
    double *value; /* [epochs] */
};

enum record_state { RECORD_UNFINISHED, RECORD_ENDED, RECORD_PRUNED, RECORD_FAILED };

struct record {
    const char *folder; /* as it was named; the caller's */
    char *name;         /* run.name, or that of the folder */
    enum record_state state;
    json_t *start, *data; /* events, the first of each; NULL: there is none, as in all of these */
    json_t *verdict, *captions, *categories, *map, *end, *error; /* the last of each */
    json_t *notes;                                               /* warnings and advice */
    size_t notes_more;                                           /* that were too many */
    struct record_column column[RECORD_COLUMNS];
    size_t columns, epochs, room, epochs_more;
    char first[RECORD_TIME], last[RECORD_TIME]; /* times of the first and the last line; "" */
    size_t resumes, strange;                    /* strange: lines that are no events */
    char *config;                               /* the text of config.ini; NULL */
    size_t config_size;
    struct listed_keys keys; /* of it */
    json_t *plan;            /* what plan.json tells of the device: strings; NULL */
};

/* Reads a folder. STATUS_INPUT where it is none, or holds no run; STATUS_USAGE for a sweep's. */
int record_read(struct record *record, const char *folder, struct error *err);
void record_fini(struct record *record);

/* A column; NULL: there is none. */
const double *record_column(const struct record *record, const char *name);

/* The monitored figure: "val/loss", and its column, "val_loss". */
const char *record_monitor(const struct record *record);
const double *record_monitored(const struct record *record, char name[64]);

/* The row of the best epoch so far; -1: none is known. */
long record_best(const struct record *record);

/* Seconds of training so far; NaN: not known. */
double record_seconds(const struct record *record);

/* "language": what the model is for, as its configuration has it. */
const char *record_task(const struct record *record);

#endif
