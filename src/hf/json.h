/* SPDX-License-Identifier: MIT */
/*
 * hf/json: the JSON texts of a Hugging Face folder, and names in them made fit for a message.
 */
#ifndef HF_JSON_H
#define HF_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "error.h"

/* The object that a text is; the caller releases. NULL with STATUS_INPUT, "NAME:line: cause". */
json_t *hf_json(const char *text, size_t size, const char *name, struct error *err);

#endif
