/* SPDX-License-Identifier: MIT */
/*
 * caption_table: tables of captions. A file of columns names in one column what a caption is of (a
 * clip: an image, a folder of frames, or a glob, relative to the file's folder), in another one the
 * caption; a file of JSON lines has an object with two such texts in each line. A clip may have
 * several captions. Clips are told apart by their paths, in the order in which they first come. The
 * list owns all it points to.
 */
#ifndef DATA_CAPTION_TABLE_H
#define DATA_CAPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/csv.h"
#include "error.h"

struct caption {
    size_t clip;   /* its number */
    char *text;    /* UTF-8; empty where there is none at all */
    size_t size;   /* bytes of it */
    size_t source; /* number of its file */
    uint64_t line; /* of its file */
};

struct clip_named {
    char *path;
    size_t source; /* the file that first names it */
    size_t hash;
};

struct caption_table {
    struct clip_named *clip; /* [clips] */
    struct caption *item;    /* [count], as they come */
    size_t clips, count;
    size_t clip_room, room;
    size_t *slot, slots; /* clips by the hash of their paths: number + 1; 0: free */
    size_t passed_over;  /* captions left out, for they are empty */
};

/* A file of captions, and its columns, or the names of its texts. */
struct caption_file {
    const char *path;
    size_t source; /* its number */
    struct csv_how how;
    const char *file_column, *column;
    int may_lack; /* it need not have captions */
};

/* Adds those of a file; `told` is given what was found out, a line each. STATUS_INPUT with
 * "path:line: cause". */
int caption_table_read(struct caption_table *to, const struct caption_file *file, FILE *told,
                       struct error *err);

/* Adds a clip by its path, without a caption. -1: memory. */
int caption_table_add(struct caption_table *to, const char *path, size_t source);
void caption_table_fini(struct caption_table *captions);

#endif
