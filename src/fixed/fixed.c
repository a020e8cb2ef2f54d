/* SPDX-License-Identifier: MIT */
#include "fixed/fixed.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

#define COLUMNS_MOST                                                               \
    ((size_t)1 << 14)    /* that a sum goes over: 2^15 2^15 2^14 is far below 2^63 \
                          */
#define LEFT_MOST 15     /* that a sum is shifted to the left */
#define BITS_LEAST (-15) /* of a format, behind the point */

struct fixed *fixed_new(int weight_bits, fixed_reader *read, void *ctx)
{
    struct fixed *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->weight_bits = weight_bits;
    f->read = read;
    f->ctx = ctx;
    for (int i = 0; i <= FIXED_TABLE; i++)
        f->table[i] = fixed_number(tanh(ldexp(i, -FIXED_STEP)), FIXED_STATE);
    return f;
}

static void matrix_free(struct fixed_matrix *m)
{
    free(m->name);
    free(m->number);
    free(m->bias);
    free(m->weight);
    free(m->base);
    free(m->shift);
    free(m);
}

void fixed_free(struct fixed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->matrices; i++)
        matrix_free(f->matrix[i]);
    for (size_t i = 0; i < f->values; i++) {
        free(f->value[i]->name);
        free(f->value[i]);
    }
    for (size_t i = 0; i < f->steps; i++)
        free(f->step[i]);
    free(f->matrix);
    free(f->value);
    free(f->step);
    free(f);
}

int fixed_check(const struct fixed *f, struct error *err)
{
    if (f->failed)
        *err = f->fault;
    return f->failed ? -1 : 0;
}

void fixed_fault(struct fixed *f, const char *format, ...)
{
    char text[512];
    va_list ap;
    if (f->failed)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    f->failed = 1;
    error_set(&f->fault, STATUS_USAGE, "%s", text);
}

static void no_memory(struct fixed *f)
{
    if (!f->failed)
        error_set(&f->fault, STATUS_FAILED, "out of memory");
    f->failed = 1;
}

/* --- values */

static size_t value_new(struct fixed *f, const struct tensor *t, const char *name, size_t columns)
{
    struct fixed_value *v = f->failed || columns > FIXED_MOST - f->places
                                ? NULL
                                : array_append((void ***)&f->value, &f->values, sizeof *v);
    if (v)
        *v = (struct fixed_value){
            .tensor = t, .name = strdup(name), .columns = columns, .at = f->places};
    if (!v || !v->name) {
        no_memory(f);
        return 0;
    }
    f->places += columns;
    return f->values - 1;
}

/* The value that a tensor is; SIZE_MAX: none. */
static size_t value_of(struct fixed *f, struct tensor *t)
{
    const struct tensor *base = tensor_base(t);
    for (size_t i = f->values; i-- > 0 && !f->failed;)
        if (f->value[i]->tensor == base)
            return i;
    fixed_fault(f, "%s: nothing in integers has made it", t->name);
    return SIZE_MAX;
}

/* A step of one or two inputs, whose output is a new value; NULL with a fault. */
static struct fixed_step *step_new(struct fixed *f, enum fixed_kind kind, struct tensor *a,
                                   struct tensor *b, const struct tensor *y)
{
    const size_t in[2] = {value_of(f, a), b ? value_of(f, b) : 0};
    const size_t out = value_new(f, y, y->name, tensor_columns(y));
    if (!f->failed && tensor_rows(y) != 1)
        fixed_fault(f, "%s: integers go row by row", y->name);
    struct fixed_step *s =
        f->failed ? NULL : array_append((void ***)&f->step, &f->steps, sizeof *s);
    if (!s) {
        no_memory(f);
        return NULL;
    }
    *s = (struct fixed_step){.kind = kind, .in = {in[0], in[1]}, .out = out, .kept = f->kept};
    return s;
}

/* So many numbers go on from row to row. */
static void keep(struct fixed *f, size_t numbers)
{
    if (numbers > FIXED_MOST - f->kept)
        fixed_fault(f, "its state has more than %zu numbers", FIXED_MOST);
    else
        f->kept += numbers;
}

/* --- matrices */

static void read_numbers(struct fixed *f, const struct tensor *param, float *to)
{
    struct error err;
    if (f->failed || !f->read(f->ctx, param, to, &err))
        return;
    f->fault = err;
    f->failed = 1;
}

/* NULL with a fault; without a bias that is 0. */
static struct fixed_matrix *matrix_new(struct fixed *f, const struct tensor *w,
                                       const struct tensor *b)
{
    const size_t out = w->dim[0], in = w->elems / out;
    if (in > COLUMNS_MOST || w->elems + out > FIXED_MOST - f->numbers)
        fixed_fault(f, "%s: integers are for smaller models", w->name);
    struct fixed_matrix *m =
        f->failed ? NULL : array_append((void ***)&f->matrix, &f->matrices, sizeof *m);
    if (!m) {
        no_memory(f);
        return NULL;
    }
    *m = (struct fixed_matrix){.name = strdup(w->name),
                               .out = out,
                               .in = in,
                               .number = calloc(w->elems, sizeof(float)),
                               .bias = calloc(out, sizeof(float)),
                               .weight = calloc(w->elems, sizeof(int32_t)),
                               .base = calloc(out, sizeof(int32_t)),
                               .shift = calloc(out, 1)};
    if (!m->name || !m->number || !m->bias || !m->weight || !m->base || !m->shift) {
        no_memory(f);
        return NULL;
    }
    f->numbers += w->elems + out;
    read_numbers(f, w, m->number);
    if (b)
        read_numbers(f, b, m->bias);
    return m;
}

static void count_sums(struct fixed *f, size_t sums)
{
    if (f->sums < sums)
        f->sums = sums;
}

/* --- steps */

void fixed_begin(struct fixed *f, const struct tensor *x)
{
    f->input = value_new(f, x, x->name, tensor_columns(x));
}

void fixed_end(struct fixed *f, struct tensor *y)
{
    f->output = value_of(f, y);
}

void fixed_linear(struct fixed *f, struct tensor *x, const struct tensor *w, const struct tensor *y)
{
    struct fixed_step *s = step_new(f, FIXED_LINEAR, x, NULL, y);
    if (!s)
        return;
    s->matrix[0] = matrix_new(f, w, NULL);
    count_sums(f, tensor_columns(y));
}

/* The step in front, where it has made x and nothing was done to that yet; NULL with a fault. */
static struct fixed_step *last_step(struct fixed *f, struct tensor *x, const struct tensor *y)
{
    struct fixed_step *s = f->steps ? f->step[f->steps - 1] : NULL;
    const int is_it = s && s->out == value_of(f, x) && x->readers == 1 && !s->relu &&
                      (s->kind == FIXED_LINEAR || s->kind == FIXED_SUM);
    if (!is_it)
        fixed_fault(f, "%s: in integers this can only follow a linear layer or a sum", y->name);
    return is_it && !f->failed ? s : NULL;
}

void fixed_bias(struct fixed *f, struct tensor *x, const struct tensor *b, const struct tensor *y)
{
    const struct fixed_step *s = last_step(f, x, y);
    if (!s)
        return;
    if (s->kind != FIXED_LINEAR || b->elems != s->matrix[0]->out) {
        fixed_fault(f, "%s: in integers a bias can only follow a linear layer", y->name);
        return;
    }
    read_numbers(f, b, s->matrix[0]->bias);
    fixed_same(f, x, y);
}

void fixed_relu(struct fixed *f, struct tensor *x, const struct tensor *y)
{
    struct fixed_step *s = last_step(f, x, y);
    if (!s)
        return;
    s->relu = 1;
    fixed_same(f, x, y);
}

void fixed_same(struct fixed *f, struct tensor *x, const struct tensor *y)
{
    const size_t value = value_of(f, x);
    if (!f->failed)
        f->value[value]->tensor = y;
}

void fixed_cell(struct fixed *f, enum fixed_kind kind, struct tensor *x,
                struct tensor *const param[4], const struct tensor *y)
{
    struct fixed_step *s = step_new(f, kind, x, NULL, y);
    if (!s)
        return;
    const size_t n = tensor_columns(y);
    for (int i = 0; i < 2; i++)
        s->matrix[i] = matrix_new(f, param[i], param[2 + i]);
    f->value[s->out]->bits = FIXED_STATE;
    f->value[s->out]->is_settled = 1;
    keep(f, n);
    if (kind == FIXED_LSTM) {
        char name[256];
        snprintf(name, sizeof name, "%.240s.cell", y->name);
        s->cell = value_new(f, NULL, name, n);
        keep(f, n);
    }
    count_sums(f, 2 * param[0]->dim[0]);
}

void fixed_join(struct fixed *f, struct tensor *a, struct tensor *b, const struct tensor *y)
{
    step_new(f, FIXED_JOIN, a, b, y);
}

void fixed_sum(struct fixed *f, struct tensor *a, struct tensor *b, const struct tensor *y)
{
    step_new(f, FIXED_SUM, a, b, y);
}

void fixed_unfold(struct fixed *f, struct tensor *x, size_t kernel, size_t dilation,
                  const struct tensor *y)
{
    struct fixed_step *s = step_new(f, FIXED_UNFOLD, x, NULL, y);
    if (!s)
        return;
    s->kernel = kernel;
    s->dilation = dilation;
    keep(f, (kernel - 1) * dilation * tensor_columns(x));
}

void fixed_iq(struct fixed *f, struct tensor *x, const struct tensor *y)
{
    step_new(f, FIXED_IQ, x, NULL, y);
}

/* --- numbers */

int fixed_bits(double most, int largest)
{
    if (!(most > 0) || !isfinite(most))
        return most > 0 ? BITS_LEAST : 15;
    int bits = ilogb(largest / most);
    while (ldexp(most, bits) > largest)
        bits--;
    return bits < BITS_LEAST ? BITS_LEAST : bits > 20 ? 20 : bits;
}

int16_t fixed_number(double x, int bits)
{
    const double q = floor(ldexp(x, bits) + 0.5);
    return q >= INT16_MAX ? INT16_MAX : q > INT16_MIN ? (int16_t)q : INT16_MIN;
}

static int largest_of(int weight_bits)
{
    return weight_bits == 8 ? INT8_MAX : INT16_MAX;
}

static int32_t rounded(double x, int bits, int largest)
{
    return (int32_t)fmax(fmin(rint(ldexp(x, bits)), largest), -largest);
}

/* Bits of an output's weights. */
static int weights_bits(const float *w, size_t columns, int largest)
{
    double most = 0;
    for (size_t i = 0; i < columns; i++)
        most = fmax(most, fabs((double)w[i]));
    return fixed_bits(most, largest);
}

void fixed_round(float *w, size_t rows, size_t columns, int weight_bits)
{
    const int largest = largest_of(weight_bits);
    for (size_t r = 0; r < rows; r++, w += columns) {
        const int bits = weights_bits(w, columns, largest);
        for (size_t i = 0; i < columns; i++)
            if (isfinite(w[i]))
                w[i] = (float)ldexp(rounded((double)w[i], bits, largest), -bits);
    }
}

/* The same with a bias, which as the sums has 31 bits. */
static int row_bits(const struct fixed_matrix *m, size_t o, int largest, int x_bits)
{
    int bits = weights_bits(m->number + o * m->in, m->in, largest);
    while (bits > -64 && fabs(ldexp((double)m->bias[o], bits + x_bits)) > FIXED_GATE_MOST)
        bits--;
    return bits;
}

static int settle_matrix(struct fixed *f, struct fixed_matrix *m, int x_bits, int y_bits)
{
    const int largest = largest_of(f->weight_bits);
    m->is_narrow = 1;
    for (size_t o = 0; o < m->out; o++) {
        const int bits = row_bits(m, o, largest, x_bits);
        m->base[o] = rounded((double)m->bias[o], bits + x_bits, FIXED_GATE_MOST);
        double most = fabs((double)m->base[o]);
        for (size_t i = 0; i < m->in; i++) {
            const size_t at = o * m->in + i;
            m->weight[at] = rounded((double)m->number[at], bits, largest);
            most += 32768 * fabs((double)m->weight[at]);
        }
        m->is_narrow &= most <= INT32_MAX;
        m->shift[o] = (signed char)(bits + x_bits - y_bits);
        if (m->shift[o] < -LEFT_MOST)
            return -1;
    }
    return 0;
}

static int settle_step(struct fixed *f, const struct fixed_step *s)
{
    const int x_bits = f->value[s->in[0]]->bits;
    if (s->kind == FIXED_LINEAR)
        return settle_matrix(f, s->matrix[0], x_bits, f->value[s->out]->bits);
    if (!s->matrix[0])
        return 0;
    return settle_matrix(f, s->matrix[0], x_bits, FIXED_GATE) ||
           settle_matrix(f, s->matrix[1], FIXED_STATE, FIXED_GATE);
}

/* The cells of an LSTM have 0 to 15 bits behind the point; what a convolution reads is copied. */
static void bind_formats(const struct fixed *f)
{
    for (size_t i = 0; i < f->steps; i++) {
        const struct fixed_step *s = f->step[i];
        struct fixed_value *c = f->value[s->cell];
        if (s->kind == FIXED_LSTM)
            c->bits = c->bits < 0 ? 0 : c->bits > FIXED_STATE ? FIXED_STATE : c->bits;
        else if (s->kind == FIXED_UNFOLD)
            f->value[s->out]->bits = f->value[s->in[0]]->bits;
    }
}

int fixed_settle(struct fixed *f, struct error *err)
{
    for (size_t i = 0; i < f->values; i++) {
        struct fixed_value *v = f->value[i];
        if (!isfinite(v->most))
            return error_set(err, STATUS_USAGE, "%s: it has values that are no numbers", v->name);
        if (!v->is_settled && v->most > ldexp(INT16_MAX, -BITS_LEAST))
            return error_set(err, STATUS_USAGE,
                             "%s: its values, up to %.3g, are too large for 16 bits", v->name,
                             v->most);
        if (!v->is_settled)
            v->bits = fixed_bits(v->most, INT16_MAX);
    }
    bind_formats(f);
    for (size_t i = 0; i < f->steps; i++)
        if (settle_step(f, f->step[i]))
            return error_set(err, STATUS_USAGE,
                             "%s: its weights and its input are too large for 16 bits",
                             f->value[f->step[i]->out]->name);
    return 0;
}
