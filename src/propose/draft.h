/* SPDX-License-Identifier: MIT */
/*
 * draft: a configuration in the making: keys, their values, and why each has its value, which
 * become the comments of an INI file. Keys that settings ask for keep these, whatever is drafted. A
 * draft owns its texts; the settings are the caller's. Where memory runs out it notes that, goes
 * on, and fails when it is read.
 */
#ifndef PROPOSE_DRAFT_H
#define PROPOSE_DRAFT_H

#include <stddef.h>

#include "config/config.h"
#include "data/dataset.h"
#include "error.h"
#include "log/log.h"

struct draft;

/* Of the INI file `path`, from whose folder paths are told; NULL: memory. */
struct draft *draft_new(const char *path, char *const *settings, size_t count);
void draft_free(struct draft *draft);

/* A key "section.key" and its value as an INI file has it, after those that are there; a key that
 * is there gets the new value in its place. */
void draft_set(struct draft *draft, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of a path that the caller sees from the current folder. */
void draft_set_path(struct draft *draft, const char *name, const char *path);

/* Why a key has its value: one or more sentences. */
void draft_why(struct draft *draft, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A paragraph more of the comment that the file begins with. */
void draft_about(struct draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Memory ran out where a value was made: reading the draft will fail. */
void draft_short(struct draft *draft);

void draft_drop(struct draft *draft, const char *name);

/* The value that was drafted; NULL: none. */
const char *draft_value(const struct draft *draft, const char *name);

/* Whether a setting asks for the key, and with which value; NULL: none does. */
const char *draft_asked(const struct draft *draft, const char *name);

/* While the data are only looked at, the settings that count are those of how files are read:
 * others may not go together with the model that the reading stands for. */
void draft_only_reads(struct draft *draft, int only);

/* The configuration; config_load()'s errors. */
struct config *draft_config(const struct draft *draft, struct error *err);

/* Its data, as dataset_load(). */
struct dataset *draft_load(const struct draft *draft, struct log *log, struct error *err);

/* The INI file, which says the same without the settings, in memory that the caller frees. It was
 * read back as a configuration. */
char *draft_text(const struct draft *draft, struct error *err);

#endif
