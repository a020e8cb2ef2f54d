/* SPDX-License-Identifier: MIT */
/*
 * reading: how the files that a model was trained on are written, as it was found out from them.
 *
 * A checkpoint keeps it, so that other files are read in the same way: where a file could be read
 * in several ways, this one counts, and a file that is written otherwise is refused. Only what
 * tells the meaning of a field is kept, and only what all files have in common. A reading owns all
 * it points to.
 */
#ifndef DATA_READING_H
#define DATA_READING_H

#include <jansson.h>
#include <stddef.h>

#include "data/table.h"

struct reading_column {
    char *name;  /* ours */
    int decimal; /* DECIMAL_...; DECIMAL_AUTO: files differ */
};

struct reading {
    size_t files, timed;           /* that were looked at; those with times */
    char separator;                /* 0: files differ */
    enum time_format time;         /* TIME_NONE: files differ, or have no times */
    struct reading_column *column; /* [columns] */
    size_t columns;
    char *told; /* what was found in the first file, a line each; NULL: nothing */
};

/* Adds a file that was read, whose first columns are called names[count]; -1: memory. */
int reading_add(struct reading *reading, const struct table *table, char *const *names,
                size_t count);

/* Has a file read in this way where `how` says auto. decimal[count] is room for the columns called
 * names[count]; it must live as long as `how`. */
void reading_apply(const struct reading *reading, char *const *names, size_t count, int *decimal,
                   struct table_how *how);

/* For a checkpoint, and back: -1 if it is no reading, 1 if memory runs out. */
json_t *reading_json(const struct reading *reading);
int reading_of_json(const json_t *json, struct reading *reading);

/* Whether a setting is of the key "section.key"; blanks do not count. */
int reading_sets(const char *setting, const char *key);

/* Forgets what `settings` ("section.key=value") set otherwise. */
void reading_forget(struct reading *reading, char *const *settings, size_t count);

void reading_fini(struct reading *reading);

#endif
