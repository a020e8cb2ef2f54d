/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes quant/stored and run/folded, which merge reads a checkpoint by: any bytes are a
 * safetensors file with packed matrices. A matrix whose shape is told has codes for it; what is
 * read of it holds these codes, and its numbers are the same read at once and one by one. Every
 * weight that is found can be made or is refused.
 */
#include <string.h>

#include "fuzz.h"
#include "quant/stored.h"
#include "run/folded.h"

/* What fails says one line, and that the file is to blame. */
static void check_refused(struct error *err)
{
    check(err->status == STATUS_INPUT && *err->text && !strchr(err->text, '\n'));
    *err = (struct error){0};
}

static void check_numbers(enum dtype dtype, const char *packed, size_t rows, size_t columns)
{
    const size_t count = rows * columns;
    float *all = malloc(count * sizeof *all + 1), one;
    check(all != NULL);
    packed_unpack(dtype, packed, rows, columns, 0, count, all);
    for (size_t i = 0; i < count; i++) {
        packed_unpack(dtype, packed, rows, columns, i, 1, &one);
        check(!memcmp(&one, &all[i], sizeof one) || (one != one && all[i] != all[i]));
    }
    free(all);
}

static void check_matrix(const struct safetensors *st, const struct safetensor *codes,
                         enum dtype dtype)
{
    const struct stored_source source = stored_file(st, "fuzz");
    struct error err = {0};
    size_t rows, columns;
    if (stored_shape(&source, codes->name, dtype, &rows, &columns, &err)) {
        check_refused(&err);
        return;
    }
    check(!rows || columns <= (2 * (codes->bytes + 1)) / rows);
    const size_t bytes = packed_form(dtype, rows, columns).bytes;
    char *packed = malloc(bytes ? bytes : 1);
    check(packed != NULL);
    if (stored_read(&source, codes->name, dtype, rows, columns, packed, &err)) {
        check_refused(&err);
    } else {
        check(codes->bytes <= bytes && !memcmp(packed, codes->data, codes->bytes));
        check_numbers(dtype, packed, rows, columns);
    }
    free(packed);
}

/* Makes a weight, as merge does when it is written. */
static void check_made(struct folded *f, size_t index)
{
    struct error err = {0};
    struct safetensors *to = safetensors_new();
    check(to && !folded_add(f, index, to, folded_name(f, index), DTYPE_BF16, &err));
    const struct safetensor *t = &to->tensor[0];
    char *numbers = malloc(t->bytes + 1);
    check(numbers != NULL);
    if (t->fetch(t->from, t->at, t->bytes, numbers, &err))
        check_refused(&err);
    free(numbers);
    safetensors_free(to);
}

static void check_folded(const struct safetensors *st)
{
    struct folded f;
    struct error err = {0};
    if (folded_init(&f, st, "fuzz", 2, 0, &err))
        check_refused(&err);
    else
        for (size_t i = 0; i < f.count; i++)
            check_made(&f, i);
    folded_fini(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err = {0};
    struct safetensors *st = safetensors_parse(bytes, size, "fuzz", &err);
    if (!st) {
        check_refused(&err);
        return 0;
    }
    const struct stored_source source = stored_file(st, "fuzz");
    for (size_t i = 0; i < st->count; i++) {
        enum dtype dtype;
        char weight[16];
        if (stored_is_part(st->tensor[i].name, weight, sizeof weight))
            check(strlen(weight) < sizeof weight);
        if (stored_finds(&source, st->tensor[i].name, &dtype))
            check_matrix(st, &st->tensor[i], dtype);
    }
    check_folded(st);
    safetensors_free(st);
    return 0;
}
