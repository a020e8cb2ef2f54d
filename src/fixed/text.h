/* SPDX-License-Identifier: MIT */
/*
 * text: a settled model (fixed.h) as text of C99, in integers alone, which computes to the bits of
 * `emulated`. It needs <stdint.h> and the helpers that it brings.
 */
#ifndef FIXED_TEXT_H
#define FIXED_TEXT_H

#include <stdio.h>

#include "fixed/fixed.h"

/* Bytes of the state that a series needs. */
size_t fixed_text_bytes(const struct fixed *f);

/* "struct NAME_state {...};" */
void fixed_text_state(const struct fixed *f, const char *name, FILE *to);

/* Helpers, tables and "static void model(struct NAME_state *s, const int16_t *x, int16_t *out)".
 * Whether the stream took it, who flushes it sees. */
void fixed_text_model(const struct fixed *f, const char *name, FILE *to);

/* "static const TYPE NAME[count] = {...};" of integers. */
void fixed_text_table(FILE *to, const char *type, const char *name, size_t count,
                      const int16_t *value);

#endif
