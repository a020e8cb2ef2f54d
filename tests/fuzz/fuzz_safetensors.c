/* SPDX-License-Identifier: MIT */
/* What the reader lets through is whole: shapes fit their bytes, every byte is in a tensor. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tensor/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const size_t width[] = {4, 8, 2, 2, 1, 1, 4, 4, 8, 8}; /* in the order of enum dtype */
    struct error err = {0};
    struct safetensors *st = safetensors_parse(bytes, size, "fuzz", &err);
    if (!st) {
        if (err.status != STATUS_INPUT || !*err.text || strchr(err.text, '\n'))
            abort();
        return 0;
    }
    size_t total = 0;
    for (size_t i = 0; i < st->count; i++) {
        const struct safetensor *t = &st->tensor[i];
        uint64_t count = 1;
        for (size_t k = 0; k < t->rank; k++)
            count *= t->shape[k];
        if (t->rank > SAFETENSORS_MAX_RANK || count * width[t->dtype] != t->bytes)
            abort();
        total += t->bytes;
    }
    uint64_t header;
    memcpy(&header, bytes, 8);
    size_t at = 8 + (size_t)header;
    if (at + total != size)
        abort();
    for (size_t i = 0; i < st->count; at += st->tensor[i++].bytes)
        if (memcmp(st->tensor[i].data, bytes + at, st->tensor[i].bytes))
            abort();
    for (size_t i = 0; i < st->metas; i++)
        if (!safetensors_get(st, st->meta[i].key))
            abort();
    safetensors_free(st);
    return 0;
}
