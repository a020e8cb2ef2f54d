/* SPDX-License-Identifier: MIT */
/* Forms that several operations are made of. */
#include <stdlib.h>

#include "onnx/parts.h"

/* --- shapes */

const char *onnx_reshape(struct onnx *o, const char *x, size_t rank, const int64_t *dim)
{
    return onnx_two(o, "Reshape", x, onnx_wholes(o, rank, dim));
}

const char *onnx_transpose(struct onnx *o, const char *x, size_t rank, const int64_t *order)
{
    const struct onnx_attribute perm = {
        .name = "perm", .kind = ONNX_LIST, .count = rank, .list = order};
    return onnx_append(o, &(struct onnx_node){"Transpose", 1, &x, 1, &perm, 1}, NULL);
}

const char *onnx_slice(struct onnx *o, const char *x, int64_t axis, int64_t from, int64_t to)
{
    const char *in[] = {x, onnx_wholes(o, 1, &from), onnx_wholes(o, 1, &to),
                        onnx_wholes(o, 1, &axis)};
    return onnx_append(o, &(struct onnx_node){"Slice", 4, in, 0, NULL, 1}, NULL);
}

void onnx_split(struct onnx *o, const char *x, size_t parts, const int64_t *size, const char **out)
{
    const struct onnx_attribute axis = {.name = "axis", .kind = ONNX_WHOLE, .whole = -1};
    const char *in[] = {x, onnx_wholes(o, parts, size)};
    onnx_append(o, &(struct onnx_node){"Split", 2, in, 1, &axis, parts}, out);
}

const char *onnx_mean(struct onnx *o, const char *x, int64_t axis)
{
    const struct onnx_attribute axes = {
        .name = "axes", .kind = ONNX_LIST, .count = 1, .list = &axis};
    return onnx_append(o, &(struct onnx_node){"ReduceMean", 1, &x, 1, &axes, 1}, NULL);
}

const char *onnx_window_mean(struct onnx *o, const char *x)
{
    const char *first = onnx_slice(o, x, 1, 0, 1);
    return onnx_two(o, "Add", first, onnx_mean(o, onnx_two(o, "Sub", x, first), 1));
}

const char *onnx_times(struct onnx *o, const char *x, const char *w)
{
    return onnx_two(o, "MatMul", x, onnx_transpose(o, w, 2, (const int64_t[]){1, 0}));
}

/* --- rows of any number */

void onnx_free_rows(struct onnx *o)
{
    o->rows_free = 1;
}

/* How many rows x [B, T, ..] has, int64 [1]. Only one sequence of rows is looked at, the decoder's
 * or the input's, which never changes its length. */
static const char *row_count(struct onnx *o, const char *x)
{
    const struct onnx_attribute of[] = {{.name = "start", .kind = ONNX_WHOLE, .whole = 1},
                                        {.name = "end", .kind = ONNX_WHOLE, .whole = 2}};
    if (!o->rows)
        o->rows = onnx_append(o, &(struct onnx_node){"Shape", 1, &x, 2, of, 1}, NULL);
    return o->rows;
}

const char *onnx_first_rows(struct onnx *o, const char *table, const char *x)
{
    const int64_t zero = 0;
    if (!o->rows_free)
        return table;
    const char *first = onnx_wholes(o, 1, &zero);
    const char *in[] = {table, first, row_count(o, x), first};
    return onnx_append(o, &(struct onnx_node){"Slice", 4, in, 0, NULL, 1}, NULL);
}

/* 0, 1, .. rows - 1, as an initialiser. */
static const char *known_numbers(struct onnx *o, size_t rows)
{
    int64_t *number = malloc(rows * sizeof *number + 1);
    if (!number) {
        onnx_no_memory(o);
        return "";
    }
    for (size_t i = 0; i < rows; i++)
        number[i] = (int64_t)i;
    const char *made = onnx_wholes(o, rows, number);
    free(number);
    return made;
}

const char *onnx_row_numbers(struct onnx *o, const char *x, size_t rows)
{
    const int64_t zero = 0, one = 1;
    if (!o->rows_free)
        return known_numbers(o, rows);
    if (!o->numbers) { /* Range takes scalars */
        const char *axis = onnx_wholes(o, 1, &zero);
        o->numbers = onnx_three(o, "Range", onnx_two(o, "Squeeze", onnx_wholes(o, 1, &zero), axis),
                                onnx_two(o, "Squeeze", row_count(o, x), axis),
                                onnx_two(o, "Squeeze", onnx_wholes(o, 1, &one), axis));
    }
    return o->numbers;
}

/* --- states */

void onnx_stream(struct onnx *o, const char *input)
{
    o->state = input;
}

const char *onnx_state(struct onnx *o, size_t hidden)
{
    const int64_t at = (int64_t)o->states;
    if (!o->state)
        return "";
    if (o->states++ && o->hidden != hidden)
        onnx_fault(o, "the states of the layers are of different widths");
    o->hidden = hidden;
    return onnx_slice(o, o->state, 0, at, at + 1);
}

void onnx_next_state(struct onnx *o, const char *value)
{
    if (!o->state)
        return;
    const char **more = realloc(o->next, (o->nexts + 1) * sizeof *more);
    if (!more) {
        onnx_no_memory(o);
        return;
    }
    o->next = more;
    o->next[o->nexts++] = value;
}

void onnx_states_end(struct onnx *o, const char *output)
{
    const struct onnx_attribute axis = {.name = "axis", .kind = ONNX_WHOLE, .whole = 0};
    struct onnx_port port = {.name = o->state,
                             .type = ONNX_FLOAT,
                             .rank = 3,
                             .named = {NULL, "batch", NULL},
                             .dim = {o->states, 0, o->hidden}};
    onnx_input(o, &port);
    port.name = output;
    onnx_output(
        o, &port,
        onnx_append(o, &(struct onnx_node){"Concat", o->nexts, o->next, 1, &axis, 1}, NULL));
}
