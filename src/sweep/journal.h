/* SPDX-License-Identifier: MIT */
/*
 * journal: what happened in a sweep, kept in a folder so that processes of several machines may
 * write side by side without a server or locks. Each process appends objects, a JSON line each, to
 * a file of its own, FOLDER/journal/HOST.PID.jsonl; readers merge all files. Every object has an
 * "n" above all that its writer had seen: ordered by n, then by file and line, an event stands
 * behind those that its writer knew, and the order does not depend on who reads.
 *
 * A last line without its end is absent: it was cut, or is being written. A line that is no such
 * object is passed over, which is told to the log. The journal owns its events.
 */
#ifndef SWEEP_JOURNAL_H
#define SWEEP_JOURNAL_H

#include <jansson.h>

#include "error.h"
#include "log/log.h"

struct journal;

struct journal_event {
    json_t *object;   /* the journal's */
    json_int_t n;     /* its place */
    const char *file; /* that it stands in: "HOST.PID.jsonl" */
    size_t line;
};

/* Reads what there is; nothing is made before the first journal_append(). */
struct journal *journal_open(const char *folder, struct log *log, struct error *err);
void journal_free(struct journal *journal);

/* Reads what has come since. Events of before stay, but their places in the order may change. */
int journal_read(struct journal *journal, struct error *err);

/* A number as an object will hold it: with 10 digits, or NaN where it is not finite. */
double journal_number(double x);

/* Appends an object of `members`, which it takes over, with "n" and "time" in front, synced to
 * disk. Reads before, so that n is above all that there is, and behind. */
int journal_append(struct journal *journal, const char *event, json_t *members, struct error *err);

/*
 * What has been read, as {file: lines}: of the files that have more since the last append that was
 * given one. The lines of all of an own file's objects, the latest of each name, are thus what its
 * writer knew at each of them.
 */
json_t *journal_seen(struct journal *journal);

/* All events, in their order. */
size_t journal_count(const struct journal *journal);
const struct journal_event *journal_event(const struct journal *journal, size_t index);

/* One line without its line feed: the object, with its n; NULL: it is none. */
json_t *journal_parse(const char *line, size_t size, json_int_t *n);

#endif
