/* SPDX-License-Identifier: MIT */
#include "ops/onnx_attend.h"

#include <float.h>
#include <math.h>

/* Rows x [B, N, key_heads share width] by heads, with their dimensions in this order of [B, N,
 * key_heads, share, width]; where each head has its own keys, `share` is left out. */
static const char *by_heads(struct onnx *o, const struct onnx_heads *of, const char *x,
                            size_t share, const int64_t order[5])
{
    const int64_t groups = (int64_t)of->key_heads, width = (int64_t)of->width;
    const int is_grouped = of->heads > of->key_heads;
    const int64_t grouped[] = {0, 0, groups, (int64_t)share, width},
                  plain[] = {0, 0, groups, width};
    int64_t kept[5];
    size_t n = 0;
    for (size_t i = 0; i < 5; i++)
        if (is_grouped || order[i] != 3)
            kept[n++] = is_grouped || order[i] < 3 ? order[i] : order[i] - 1;
    x = is_grouped ? onnx_reshape(o, x, 5, grouped) : onnx_reshape(o, x, 4, plain);
    return onnx_transpose(o, x, n, kept);
}

const char *onnx_attend(struct onnx *o, const struct onnx_heads *of, const char *q, const char *k,
                        const char *v, const char *sees)
{
    static const int64_t rows[] = {0, 2, 3, 1, 4}, columns[] = {0, 2, 3, 4, 1};
    static const int64_t grouped[] = {0, 3, 1, 2, 4}, plain[] = {0, 2, 1, 3};
    const int is_grouped = of->heads > of->key_heads;
    q = onnx_two(o, "Mul", q, onnx_number(o, 1 / sqrt((double)of->width)));
    q = by_heads(o, of, q, of->heads / of->key_heads, rows);
    const char *score = onnx_two(o, "MatMul", q, by_heads(o, of, k, 1, columns));
    if (sees)
        score = onnx_three(o, "Where", sees, score, onnx_number(o, -(double)FLT_MAX));
    score = onnx_along(o, "Softmax", "axis", -1, score, NULL, NULL);
    v = onnx_two(o, "MatMul", score, by_heads(o, of, v, 1, rows));
    v = is_grouped ? onnx_transpose(o, v, 5, grouped) : onnx_transpose(o, v, 4, plain);
    return onnx_reshape(o, v, 3, (const int64_t[]){0, 0, (int64_t)(of->heads * of->width)});
}

const char *onnx_causal(struct onnx *o, const char *x, size_t rows)
{
    const char *number = onnx_row_numbers(o, x, rows);
    const char *key = onnx_two(o, "Unsqueeze", number, onnx_wholes(o, 1, (const int64_t[]){0}));
    const char *query = onnx_two(o, "Unsqueeze", number, onnx_wholes(o, 1, (const int64_t[]){1}));
    return onnx_two(o, "LessOrEqual", key, query);
}
