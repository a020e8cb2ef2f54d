/* SPDX-License-Identifier: MIT */
/*
 * field: what the parts of a tokenizer.json say. Faults are STATUS_INPUT and name the file, the
 * part and the field.
 */
#ifndef TEXT_FIELD_H
#define TEXT_FIELD_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

struct part {
    const char *file, *name; /* "pre_tokenizer" */
};

/* "FILE: PART: " and the cause; -1. */
int field_fault(const struct part *part, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Text of a file as a message can hold it: cut, without control characters. */
#define FIELD_SHOWN 64
const char *field_shown(const char *text, char shown[FIELD_SHOWN]);

/* true, false; `otherwise` where the field is missing or null. */
int field_flag(const struct part *part, const json_t *object, const char *key, int otherwise,
               int *to, struct error *err);

/* A text that must be there, NULL if it is not. */
const char *field_text(const struct part *part, const json_t *object, const char *key, size_t *size,
                       struct error *err);

/* The same, of one character. */
const char *field_character(const struct part *part, const json_t *object, const char *key,
                            size_t *size, struct error *err);

/* Takes one of the kinds: 1 where it is none that is known. */
typedef int field_taker(void *ctx, const struct part *part, const char *kind, const json_t *object,
                        struct error *err);

/* Shows each object of a part, those of a Sequence in their order, by its "type". A null shows
 * none. `list` is what a Sequence calls its list, `known` the kinds, for the message. */
int field_each(const struct part *part, const json_t *json, const char *list, const char *known,
               field_taker *take, void *ctx, struct error *err);

#endif
