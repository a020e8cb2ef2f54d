/* SPDX-License-Identifier: MIT */
/*
 * screen: what a supervisor shows: lines that stay and, on a terminal, a table of the runs under
 * way below them, on standard error, which each drawing replaces. It owns what it has drawn.
 */
#ifndef SWEEP_SCREEN_H
#define SWEEP_SCREEN_H

#include "log/log.h"
#include "sweep/runs.h"

struct screen {
    struct log *log;
    int has_terminal;
    int drawn; /* lines of the table that are there */
};

void screen_init(struct screen *screen, struct log *log, enum verbosity verbosity);

/* A line that stays, unless quiet. */
void screen_say(struct screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Draws the table: the run of each slot and its row; run 0: the slot is free. `sum`: the last line.
 * Nothing where there is no terminal. */
struct screen_slot {
    size_t index;
    int waits; /* for memory */
    const char *device;
    size_t run;
    const struct run_row *row;
};
void screen_draw(struct screen *screen, const struct screen_slot *slot, size_t count,
                 const char *sum);

/* Removes the table. */
void screen_clear(struct screen *screen);

/* "0:03", "1:02:03", "-" for what is not known. */
struct figure screen_time(double seconds);

/* "12.3 GiB", "-". */
struct figure screen_bytes(double bytes);

#endif
