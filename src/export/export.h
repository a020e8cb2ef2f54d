/* SPDX-License-Identifier: MIT */
/*
 * export: the table of formats in which a trained model is written for other programs. A format is
 * a file of this folder and its line in the table.
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdio.h>

#include "export/exported.h"

struct export_format {
    const char *name; /* --format NAME */
    const char *what; /* "a model of ONNX" */
    int is_text;      /* a terminal may show it */
    /* Writes the model; `told` gets a sentence of what was written. Whether the stream took it, who
     * flushes it sees. */
    int (*write)(struct exported *e, FILE *to, char told[256], struct error *err);
};

/* Ends with NULL. */
extern const struct export_format *const export_formats[];

/* STATUS_USAGE with the names that there are. */
const struct export_format *export_find(const char *name, struct error *err);

#endif
