/* SPDX-License-Identifier: MIT */
/*
 * hf/json: the JSON texts of a Hugging Face folder, and keys of their objects, read with limits. Of
 * a reader the first fault stays; what is read where there is one is the least that it could be.
 */
#ifndef HF_JSON_H
#define HF_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

/* The object that a text is; the caller releases. NULL with STATUS_INPUT, "NAME:line: cause". */
json_t *hf_json(const char *text, size_t size, const char *name, struct error *err);

/* The caller owns the object. */
struct hf_reader {
    const json_t *object;
    const char *path;
    const char *part; /* in front of keys in messages: "vision_config."; NULL: nothing */
    struct error *err;
    int failed; /* an error is set: the first one stays */
};

/* Tells "path: 'key' what" with STATUS_INPUT; -1. */
int hf_fault(struct hf_reader *r, const char *key, const char *what);

/* What a key has; NULL where it is not there, or null. */
const json_t *hf_value(const struct hf_reader *r, const char *key);

/* A number from `least` to `most`; `otherwise` where the key is missing, a fault if that is NaN. */
double hf_number(struct hf_reader *r, const char *key, double otherwise, double least, double most);

/* The same of a whole number from 1 on, and of a value that stands somewhere in the key's. */
size_t hf_whole(struct hf_reader *r, const char *key, double otherwise, double most);
size_t hf_whole_of(struct hf_reader *r, const char *key, const json_t *value, double most);

int hf_truth(struct hf_reader *r, const char *key, int otherwise);

/* A text; NULL where the key is missing. */
const char *hf_text(struct hf_reader *r, const char *key);

/* The text of FOLDER/config.json, and its path; the caller frees both, *path also after a failure.
 */
char *hf_config_text(const char *folder, size_t *size, char **path, struct error *err);

#endif
