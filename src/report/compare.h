/* SPDX-License-Identifier: MIT */
/*
 * compare: several runs beside each other: a table of their figures and of the keys in which they
 * differ, sentences on what cannot be compared, and one picture. It owns nothing of the records.
 */
#ifndef REPORT_COMPARE_H
#define REPORT_COMPARE_H

#include <stdio.h>

#include "report/record.h"

enum { COMPARE_MOST = 24 }; /* runs */

/* Writes table and sentences; -1 for memory. Write errors stay with the stream. */
int compare_print(const struct record *run, size_t count, FILE *out, struct error *err);

/* Draws the picture. */
int compare_draw(const struct record *run, size_t count, const char *path, struct error *err);

#endif
