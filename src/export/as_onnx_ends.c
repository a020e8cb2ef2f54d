/* SPDX-License-Identifier: MIT */
#include "export/as_onnx_ends.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "data/transform.h"

size_t ends_channels(const struct exported *e)
{
    return e->data ? e->data->channels : 1;
}

/* A table of numbers, one for each of count; NULL where all are `nothing`. */
static const char *table(struct onnx *o, const char *name, size_t count, const double *value,
                         double nothing)
{
    float *as = malloc(count * sizeof *as + 1);
    int is_something = 0;
    if (!as) {
        onnx_no_memory(o);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        as[i] = (float)value[i];
        is_something |= value[i] < nothing || value[i] > nothing;
    }
    const char *made = is_something ? onnx_table(o, name, 1, &count, as) : NULL;
    free(as);
    return made;
}

/* x, or what the operation makes of it and y where there is y. */
static const char *with(struct onnx *o, const char *type, const char *x, const char *y)
{
    return y ? onnx_two(o, type, x, y) : x;
}

/* --- the way in */

/* Each feature standardised over the window, rounded as gather.cl does it. */
static const char *standardise(struct onnx *o, const char *x, struct ends *kept)
{
    kept->offset = onnx_window_mean(o, x);
    const char *off = onnx_two(o, "Sub", x, kept->offset);
    const char *sd = onnx_one(o, "Sqrt", onnx_mean(o, onnx_two(o, "Mul", off, off), 1));
    const char *least = onnx_one(o, "Abs", kept->offset);
    least = onnx_two(o, "Greater", sd, onnx_two(o, "Mul", least, onnx_number(o, 1e-7)));
    kept->scale = onnx_three(o, "Where", least, sd, onnx_number(o, 1));
    return onnx_two(o, "Div", off, kept->scale);
}

/* (x - c) / |c| by the last value c of the base feature. */
static const char *relative(struct onnx *o, const struct exported *e, const char *x,
                            struct ends *kept)
{
    const int64_t base = (int64_t)e->data->scaler.base;
    kept->offset = onnx_slice(o, onnx_slice(o, x, 1, -1, INT64_MAX), 2, base, base + 1);
    kept->scale = onnx_one(o, "Abs", kept->offset);
    return onnx_two(o, "Div", onnx_two(o, "Sub", x, kept->offset), kept->scale);
}

/* [B, T, C] to [B C, T, 1] */
static const char *apart(struct onnx *o, const struct exported *e, const char *x)
{
    x = onnx_transpose(o, x, 3, (const int64_t[]){0, 2, 1});
    return onnx_reshape(o, x, 3, (const int64_t[]){-1, (int64_t)e->shape.window, 1});
}

const char *ends_in(struct onnx *o, const struct exported *e, const char *input, struct ends *kept)
{
    const struct scaler *s = &e->data->scaler;
    const char *x = input;
    kept->offset = table(o, "scaler.offset", s->features, s->offset, 0);
    kept->scale = table(o, "scaler.scale", s->features, s->scale, 1);
    x = with(o, "Div", with(o, "Sub", x, kept->offset), kept->scale);
    if (ends_channels(e) > 1)
        x = apart(o, e, x);
    if (s->kind == SCALER_WINDOW)
        x = standardise(o, x, kept);
    else if (s->kind == SCALER_RELATIVE)
        x = relative(o, e, x, kept);
    return x;
}

/* --- the way out */

/* [B C, R, K] to [B, R, C K] */
static const char *together(struct onnx *o, const struct exported *e, const char *y, size_t rows,
                            size_t columns)
{
    const int64_t c = (int64_t)ends_channels(e), r = (int64_t)rows, k = (int64_t)columns;
    y = onnx_reshape(o, y, 4, (const int64_t[]){-1, c, r, k});
    y = onnx_transpose(o, y, 4, (const int64_t[]){0, 2, 1, 3});
    return onnx_reshape(o, y, 3, (const int64_t[]){0, 0, c * k});
}

/* The largest y of which the inverse is finite in fp32; INFINITY: none needs it. */
static double most_of(const struct transform_step *s)
{
    if (s->kind == TRANSFORM_LOG || s->kind == TRANSFORM_SIGNED_LOG)
        return log((double)FLT_MAX);
    if (s->kind == TRANSFORM_SQRT || s->kind == TRANSFORM_SIGNED_SQRT)
        return sqrt((double)FLT_MAX);
    return s->kind == TRANSFORM_POWER && s->a < 1 ? pow((double)FLT_MAX, s->a) : (double)INFINITY;
}

/* sign(y) (e^|y| - 1) = sign(y) 2 sinh(|y| / 2) e^(|y| / 2), which keeps the digits of small ones
 */
static const char *signed_exp(struct onnx *o, const char *y)
{
    const char *half = onnx_two(o, "Mul", y, onnx_number(o, 0.5));
    const char *grown = onnx_one(o, "Exp", onnx_one(o, "Abs", half));
    half = onnx_two(o, "Mul", onnx_one(o, "Sinh", half), onnx_number(o, 2));
    return onnx_two(o, "Mul", half, grown);
}

/* The inverse of a step that is fitted to nothing; y lies in its range. */
static const char *undo(struct onnx *o, const struct transform_step *s, const char *y)
{
    switch (s->kind) {
    case TRANSFORM_LOG:
        return onnx_one(o, "Exp", y);
    case TRANSFORM_SIGNED_LOG:
        return signed_exp(o, y);
    case TRANSFORM_SQRT:
        return onnx_two(o, "Mul", y, y);
    case TRANSFORM_SIGNED_SQRT:
        return onnx_two(o, "Mul", y, onnx_one(o, "Abs", y));
    case TRANSFORM_POWER:
        return onnx_two(o, "Mul", onnx_one(o, "Sign", y),
                        onnx_two(o, "Pow", onnx_one(o, "Abs", y), onnx_number(o, 1 / s->a)));
    case TRANSFORM_CLIP:
    case TRANSFORM_SCALE:
    case TRANSFORM_STANDARD:
        break;
    }
    return y;
}

/* Step `at` of all targets' chains, which differ in what was fitted. */
static const char *undo_step(struct onnx *o, const struct transform *of, size_t count, size_t at,
                             const char *y)
{
    const struct transform_step *s = &of->step[at];
    double *offset = malloc(count * sizeof *offset), *scale = malloc(count * sizeof *scale);
    const double most = most_of(s);
    if (!offset || !scale)
        onnx_no_memory(o);
    for (size_t k = 0; k < count && offset && scale; k++) {
        offset[k] = of[k].step[at].offset;
        scale[k] = of[k].step[at].scale;
        if (of[k].step[at].kind != s->kind || of[k].step[at].a < s->a || of[k].step[at].a > s->a)
            onnx_fault(o, "the targets have different transforms");
    }
    if (isfinite(most)) {
        const double least = s->kind == TRANSFORM_SQRT  ? 0
                             : s->kind == TRANSFORM_LOG ? -(double)FLT_MAX
                                                        : -most;
        y = onnx_three(o, "Clip", y, onnx_number(o, least), onnx_number(o, most));
    }
    y = undo(o, s, y);
    if (offset && scale && (s->kind == TRANSFORM_SCALE || s->kind == TRANSFORM_STANDARD)) {
        y = with(o, "Mul", y, table(o, "target.scale", count, scale, 1));
        y = with(o, "Add", y, table(o, "target.offset", count, offset, 0));
    }
    free(offset);
    free(scale);
    return y;
}

const char *ends_targets(struct onnx *o, const struct exported *e, const char *y)
{
    const struct transform *of = e->fitted->transform;
    const size_t targets = e->shape.targets, rows = e->shape.target_rows;
    if (e->io.output->rank == 2)
        y = onnx_reshape(o, y, 3, (const int64_t[]){0, (int64_t)rows, (int64_t)targets});
    if (e->config->loss.target == LOSS_BCE)
        y = onnx_one(o, "Sigmoid", y);
    if (ends_channels(e) > 1)
        y = together(o, e, y, rows, targets);
    for (size_t i = of && e->fitted->targets ? of->steps : 0; i-- > 0;)
        y = undo_step(o, of, e->fitted->targets, i, y);
    return y;
}

const char *ends_reconstruction(struct onnx *o, const struct exported *e, const char *y,
                                const struct ends *kept)
{
    const int kind = e->data->scaler.kind;
    const int by_window = kind == SCALER_WINDOW || kind == SCALER_RELATIVE;
    if (by_window) /* what was kept is of the windows of single channels */
        y = onnx_two(o, "Add", onnx_two(o, "Mul", y, kept->scale), kept->offset);
    if (ends_channels(e) > 1)
        y = together(o, e, y, e->shape.window, 1);
    return by_window ? y : with(o, "Add", with(o, "Mul", y, kept->scale), kept->offset);
}
