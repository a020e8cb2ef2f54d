/* SPDX-License-Identifier: MIT */
/*
 * document: the texts of a file. A file of JSON lines (.jsonl, .ndjson) holds one in a field of
 * each line, a file of columns (.csv) one in a column of each row; any other file is one text. It
 * may be compressed and in any encoding that text.h reads.
 */
#ifndef DATA_DOCUMENT_H
#define DATA_DOCUMENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "data/csv.h"
#include "error.h"

struct document_how {
    struct csv_how csv; /* of its encoding too */
    const char *field;  /* of JSON lines */
    const char *column; /* of files of columns; "": they are text like any other */
};

struct document {
    const char *text;
    size_t size;
    const char *name; /* for messages: "corpus.txt", "corpus.jsonl:12" */
    size_t line;      /* 12; 0: it is no line */
};

/* Takes a text, which lives until it returns; -1 ends the reading. */
typedef int document_taker(void *ctx, const struct document *document, struct error *err);

/* Shows each text of a file that is not empty, in their order. `told` is given what was done to the
 * file, a line each. STATUS_INPUT with "path:line: cause". */
int documents_read(const char *path, const struct document_how *how, FILE *told,
                   document_taker *take, void *ctx, struct error *err);

/* Shows each line of a text, without its line feed: "corpus.txt:12". */
int document_lines(const struct document *document, document_taker *take, void *ctx,
                   struct error *err);

/* Takes the object of a line of JSON; both live until it returns; -1 ends the reading. */
typedef int document_object_taker(void *ctx, const json_t *object, const struct document *line,
                                  struct error *err);

/* Shows each line of a file of JSON lines that is not blank; one that is no object is refused. */
int document_objects(const char *path, const struct csv_how *how, FILE *told,
                     document_object_taker *take, void *ctx, struct error *err);

/* Whether a name is one of a file of JSON lines, by its ending. */
int document_is_lines(const char *name);

enum document_of { DOCUMENTS_OF_SERIES, DOCUMENTS_OF_TEXTS, DOCUMENTS_OF_CAPTIONS };

/* Whether a folder stands for a file of this name, by its ending: files of columns, of captions
 * also those of JSON lines, of texts all that may hold some. */
int document_is_named(const char *name, enum document_of of);

#endif
