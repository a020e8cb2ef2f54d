/* SPDX-License-Identifier: MIT */
/*
 * source: which files the configuration names, in which order, and what each of them is for.
 *
 * data.source, its brothers and data.manifest become one list: a folder stands for the .csv and
 * .csv.gz files in it (of texts: see document.h), whatever the case of the ending, and a glob for
 * the files that fit it, both by the bytes of their names. A list owns all it points to.
 */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include <stddef.h>

#include "config/config.h"
#include "data/document.h"
#include "error.h"

#define SOURCE_DEALT (-1)

/* What a file calls a column of ours. */
struct rename {
    char *ours, *theirs;
};

struct source {
    char *path, *name; /* name: of the file, or as the manifest says */
    char *item;        /* what stands for it in the configuration: a folder, a glob, or the path */
    size_t number;     /* of that item, among all */
    char *target;      /* file that holds the targets, row by row; NULL: the same */
    int part;          /* PART_... that it is for alone, or SOURCE_DEALT */
    struct rename *rename;
    size_t renames;
};

struct sources {
    struct source *item;
    size_t count, items;
    size_t passed_over;  /* files of folders that are not taken, by their ending */
    enum document_of of; /* what is wanted */
};

/*
 * All files of the configuration: those of data.source or data.manifest, of validation_source and
 * of test_source. STATUS_INPUT if a folder, a glob or a manifest gives no file or cannot be read,
 * STATUS_USAGE if files to be paired differ in number or one is named twice: its rows would be in
 * several parts.
 */
int sources_find(const struct config *config, struct sources *sources, struct error *err);

/* The files that one path, folder or glob stands for. */
int sources_of(const char *path, enum document_of of, struct sources *sources, struct error *err);

/* A clip of captions, as it is, whatever it names. */
int sources_clip(const char *path, struct sources *sources, struct error *err);

/* What a path stands for that is given in place of the configuration's: files, or, where captions
 * are wanted and it names no table, the one clip that is there, as it is (*is_clip). */
int sources_given(const struct config *config, const char *path, struct sources *sources,
                  int *is_clip, struct error *err);
void sources_fini(struct sources *sources);

/* Adds the series of a manifest. STATUS_INPUT with "path:line: cause". */
int manifest_read(const char *path, struct sources *sources, struct error *err);

/* Whether a path ("-": standard input) is a pipe or a device, which can be read only once. */
int source_is_once(const char *path);

/* The name that the file has for a column. */
const char *source_column(const struct source *source, const char *ours);

#endif
