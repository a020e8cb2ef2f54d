/* SPDX-License-Identifier: MIT */
/*
 * log: what a run tells. Lines go to the console (standard output; warnings to standard error) and
 * objects, one a line, to OUTPUT/log.jsonl and its closed segments, with their numbers to event
 * files. Each object has "event", an ISO 8601 "time" (UTC, ms), the "run" and a "level". The log
 * owns its file; a write that fails is reported once and by log_close().
 *
 * Any thread may call; a line is whole.
 *
 * A progress bar is drawn only where standard error is a terminal, and never with -q.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "log/board.h"
#include "log/segments.h"

enum verbosity { LOG_QUIET, LOG_NORMAL, LOG_VERBOSE };

struct log;

/* A log without a file: console only. */
struct log *log_new(enum verbosity verbosity);

/* What a log is told of its run, before it is opened; strings stay the caller's. */
struct log_settings {
    const char *run;      /* its name, in each object; NULL: none */
    const char *folder;   /* where it lies, for the command; NULL: none */
    const char *on_event; /* command at checkpoints, the end, and all but information; NULL: none */
    struct segments_settings segments;
    int silent; /* nothing is told: another process tells it */
};
void log_set(struct log *log, const struct log_settings *settings);

/* Opens `path` for appending, after cutting the log to `keep` bytes of all segments (-1: keep all).
 * Events that came before the file are written first. Fails where another process has it open. */
int log_open(struct log *log, const char *path, int64_t keep, struct error *err);

/* Opens event files for TensorBoard as well; from now on they get the numbers of events. What
 * cannot be written to them is reported as that of the log is. */
int log_open_board(struct log *log, const char *folder, const struct board_from *from,
                   struct error *err);

/* What else goes into these, as board.h has it; nothing without them. `values` is taken over. */
void log_hparams(struct log *log, json_t *values, const char *config);
void log_histogram(struct log *log, const char *name, int64_t step, const float *value,
                   size_t count);
void log_picture(struct log *log, const char *name, const char *path);

/* Bytes written so far, in all segments, synced to disk as event files are: what a checkpoint
 * stores so that a resume can cut back. */
int log_position(struct log *log, int64_t *bytes, struct error *err);

struct figure {
    char text[24];
};

/* x for a console line: with so many decimals, or as many as show two digits, so that a figure
 * that falls keeps its notation; as 1.23e-10 or 1.23e+09 only beyond what can be read. */
struct figure log_figure(double x, int decimals);

/* A console line, unless quiet; nothing in the file. */
void log_say(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * From here on console lines are kept as well, also those that are not printed (-q). log_kept()
 * ends that and returns them, an array of texts for an event: NULL where there was no log_keep().
 * Of many lines the first LOG_KEPT are kept.
 */
enum { LOG_KEPT = 200 };
void log_keep(struct log *log);
json_t *log_kept(struct log *log);

/* A console line only with -v. */
void log_detail(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "seqtrain: warning: ..." on standard error, and a "warning" object with "message". */
void log_warn(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with an object of another event, and more members (taken over; NULL for none). */
void log_alarm(struct log *log, const char *event, json_t *members, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * One object: `members` (taken over; NULL for none) preceded by "event", "time", "run" and "level",
 * which follows from the event: "error", "warning" or "info". Numbers that are not finite must be
 * passed as json_null().
 */
void log_event(struct log *log, const char *event, json_t *members);

/* Looks after commands that were started at events; to be called now and then. */
void log_tend(struct log *log);

/* A live line "text [#####.....] 42% ETA 0:03"; done = total or total = 0 removes it. */
void log_progress(struct log *log, const char *text, uint64_t done, uint64_t total);

/* From now on it is no failure that the console took something no longer: it may be gone. */
void log_leave_console(struct log *log);

/* Waits for commands that still run, half a minute at most, and closes the file; returns -1 if any
 * write had failed. Frees the log. */
int log_close(struct log *log, struct error *err);

#endif
