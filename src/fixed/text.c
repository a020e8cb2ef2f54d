/* SPDX-License-Identifier: MIT */
#include "fixed/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* --- helpers, each of which is written where a step of its kinds is there */

#define OF(kind) (1u << (kind))
#define CELLS (OF(FIXED_GRU) | OF(FIXED_LSTM) | OF(FIXED_RNN))
#define SHIFTS (CELLS | OF(FIXED_LINEAR) | OF(FIXED_JOIN) | OF(FIXED_SUM) | OF(FIXED_IQ))

static const struct helper {
    unsigned kinds;
    const char *text;
} helpers[] = {
    {SHIFTS,
     "/* v / 2^by, to the nearest, halves up */\n"
     "static int64_t shifted(int64_t v, int by)\n"
     "{\n"
     "    if (by <= 0)\n"
     "        return v * ((int64_t)1 << -by);\n"
     "    v += (int64_t)1 << (by - 1);\n"
     "    return v >= 0 ? v >> by : ~(~v >> by); /* down, whatever >> does to negative numbers */\n"
     "}\n\n"
     "static int16_t fit(int64_t v)\n"
     "{\n"
     "    return (int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);\n"
     "}\n"},
    {CELLS | OF(FIXED_LINEAR),
     "/* a sum, shifted, in 31 bits */\n"
     "static int32_t gate(int64_t sum, int by)\n"
     "{\n"
     "    const int64_t v = shifted(sum, by), most = ((int64_t)1 << 30) - 1;\n"
     "    return (int32_t)(v < -most ? -most : v > most ? most : v);\n"
     "}\n"},
    {CELLS,
     "/* tanh of v with so many bits behind the point, between numbers of the table: 15 bits */\n"
     "static int32_t curve(int64_t v, int bits)\n"
     "{\n"
     "    const int64_t size = v < 0 ? -v : v, at = size >> (bits - 6);\n"
     "    int64_t y = tanh_table[512];\n"
     "    if (at < 512)\n"
     "        y = tanh_table[at] +\n"
     "            shifted((tanh_table[at + 1] - tanh_table[at]) * (size - (at << (bits - 6))), "
     "bits - "
     "6);\n"
     "    return (int32_t)(v < 0 ? -y : y);\n"
     "}\n"},
    {OF(FIXED_GRU) | OF(FIXED_LSTM), "/* 1 / (1 + exp(-v)) of a gate: (1 + tanh(v / 2)) / 2 */\n"
                                     "static int32_t sigmoid(int64_t v)\n"
                                     "{\n"
                                     "    return (int32_t)shifted(32768 + curve(v, 17), 1);\n"
                                     "}\n"},
    {OF(FIXED_GRU),
     "/* h [n] of nn.GRU; a, b: its gates r z n, of the input and of h */\n"
     "static void gru(const int32_t *a, const int32_t *b, int16_t *h, int n)\n"
     "{\n"
     "    for (int i = 0; i < n; i++) {\n"
     "        const int64_t r = sigmoid(a[i] + b[i]), z = sigmoid(a[n + i] + b[n + i]);\n"
     "        const int64_t u = curve(a[2 * n + i] + shifted(r * b[2 * n + i], 15), 16);\n"
     "        h[i] = fit(u + shifted(z * (h[i] - u), 15));\n"
     "    }\n"
     "}\n"},
    {OF(FIXED_LSTM),
     "/* h [n] of nn.LSTM and its cells c, which have `bits` behind the point; gates i f g o */\n"
     "static void lstm(const int32_t *a, const int32_t *b, int16_t *h, int16_t *c, int n, int "
     "bits)\n"
     "{\n"
     "    for (int i = 0; i < n; i++) {\n"
     "        const int64_t in = sigmoid(a[i] + b[i]), forget = sigmoid(a[n + i] + b[n + i]);\n"
     "        const int64_t g = curve(a[2 * n + i] + b[2 * n + i], 16);\n"
     "        const int64_t o = sigmoid(a[3 * n + i] + b[3 * n + i]);\n"
     "        c[i] = fit(shifted(shifted(forget * c[i], bits - 15) + in * g, 30 - bits));\n"
     "        h[i] = fit(shifted(o * curve(shifted(c[i], bits - 16), 16), 15));\n"
     "    }\n"
     "}\n"},
    {OF(FIXED_RNN), "static void rnn(const int32_t *a, const int32_t *b, int16_t *h, int n)\n"
                    "{\n"
                    "    for (int i = 0; i < n; i++)\n"
                    "        h[i] = fit(curve(a[i] + b[i], 16));\n"
                    "}\n"},
    {CELLS, "static void copy(const int16_t *x, int16_t *y, int n)\n"
            "{\n"
            "    for (int i = 0; i < n; i++)\n"
            "        y[i] = x[i];\n"
            "}\n"},
    {OF(FIXED_LINEAR), "static void store(const int32_t *a, int16_t *y, int n, int relu)\n"
                       "{\n"
                       "    for (int i = 0; i < n; i++)\n"
                       "        y[i] = fit(relu && a[i] < 0 ? 0 : a[i]);\n"
                       "}\n"},
    {OF(FIXED_JOIN), "static void move(const int16_t *x, int16_t *y, int n, int by)\n"
                     "{\n"
                     "    for (int i = 0; i < n; i++)\n"
                     "        y[i] = fit(shifted(x[i], by));\n"
                     "}\n"},
    {OF(FIXED_SUM),
     "/* a 2^a_left + b 2^b_left, shifted */\n"
     "static void sum(const int16_t *a, int a_left, const int16_t *b, int b_left, int16_t *y, int "
     "n, "
     "int by,\n"
     "                int relu)\n"
     "{\n"
     "    for (int i = 0; i < n; i++) {\n"
     "        const int64_t v = shifted(shifted(a[i], -a_left) + shifted(b[i], -b_left), by);\n"
     "        y[i] = fit(relu && v < 0 ? 0 : v);\n"
     "    }\n"
     "}\n"},
    {OF(FIXED_UNFOLD),
     "/* y [c, kernel] = what a convolution reads of x [c] and of the rows behind it, the oldest "
     "first */\n"
     "static void unfold(int16_t *past, const int16_t *x, int16_t *y, int c, int kernel, int "
     "dilation)\n"
     "{\n"
     "    const int rows = (kernel - 1) * dilation;\n"
     "    for (int i = 0; i < c; i++)\n"
     "        for (int k = 0; k < kernel; k++)\n"
     "            y[i * kernel + k] = k + 1 < kernel ? past[k * dilation * c + i] : x[i];\n"
     "    for (int i = 0; i < (rows - 1) * c; i++)\n"
     "        past[i] = past[i + c];\n"
     "    for (int i = 0; rows > 0 && i < c; i++)\n"
     "        past[(rows - 1) * c + i] = x[i];\n"
     "}\n"},
    {OF(FIXED_IQ), "/* the integer part of the root of v */\n"
                   "static int64_t root(int64_t v)\n"
                   "{\n"
                   "    int64_t y = 0;\n"
                   "    for (int64_t bit = (int64_t)1 << 34; bit; bit >>= 2) {\n"
                   "        if (v >= y + bit) {\n"
                   "            v -= y + bit;\n"
                   "            y = (y >> 1) + bit;\n"
                   "        } else\n"
                   "            y >>= 1;\n"
                   "    }\n"
                   "    return y;\n"
                   "}\n\n"
                   "/* I, Q, |x|, |x|^3, sin, cos of I, Q; |x| has one bit more than these */\n"
                   "static void iq(const int16_t *x, int x_bits, int16_t *y, int bits)\n"
                   "{\n"
                   "    const int64_t i = x[0], q = x[1], size = root(4 * (i * i + q * q));\n"
                   "    const int64_t divisor = size ? size : 1;\n"
                   "    y[0] = fit(shifted(i, x_bits - bits));\n"
                   "    y[1] = fit(shifted(q, x_bits - bits));\n"
                   "    y[2] = fit(shifted(size, x_bits + 1 - bits));\n"
                   "    y[3] = fit(shifted(size * size * size, 3 * x_bits + 3 - bits));\n"
                   "    y[4] = fit(shifted(q * 65536 / divisor, 15 - bits));\n"
                   "    y[5] = fit(shifted(i * 65536 / divisor, 15 - bits));\n"
                   "}\n"},
};

static unsigned kinds_of(const struct fixed *f)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < f->steps; i++)
        kinds |= OF(f->step[i]->kind);
    return kinds;
}

static int has_matrices(const struct fixed *f, int narrow)
{
    for (size_t i = 0; i < f->matrices; i++)
        if (f->matrix[i]->is_narrow == narrow)
            return 1;
    return 0;
}

/* Products whose sums stay within 32 bits, and others. */
static void write_products(const struct fixed *f, FILE *to)
{
    for (int narrow = 0; narrow < 2; narrow++)
        if (has_matrices(f, narrow))
            fprintf(
                to,
                "/* y [out] = w [out, in] x + base, shifted by each output's shift; sums have %d "
                "bits */\nstatic void product%d(const int%d_t *w, const int32_t *base, const "
                "int8_t *shift, const int16_t *x,\n    int32_t *y, int out, int in)\n{\n"
                "    for (int o = 0; o < out; o++) {\n        int%d_t sum = base[o];\n"
                "        for (int i = 0; i < in; i++)\n            sum += (int%d_t)w[o * in + i] "
                "* x[i];\n        y[o] = gate(sum, shift[o]);\n    }\n}\n\n",
                narrow ? 32 : 64, narrow ? 32 : 64, f->weight_bits, narrow ? 32 : 64,
                narrow ? 32 : 64);
}

/* --- tables */

static void write_integers(FILE *to, const char *type, const char *name, const char *what,
                           size_t count, const int32_t *value)
{
    fprintf(to, "static const %s %s%s[%zu] = {", type, name, what, count);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%" PRId32 ",", i % 12 ? " " : "\n    ", value[i]);
    fputs("\n};\n", to);
}

void fixed_text_table(FILE *to, const char *type, const char *name, size_t count,
                      const int16_t *value)
{
    fprintf(to, "static const %s %s[%zu] = {", type, name, count);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%d,", i % 12 ? " " : "\n    ", value[i]);
    fputs("\n};\n", to);
}

/* "w0_gru_weight_ih_l0": names differ by their number. */
static const char *name_of(const struct fixed *f, size_t i, char to[96])
{
    snprintf(to, 96, "w%zu_%.64s", i, f->matrix[i]->name);
    for (char *at = to; *at; at++)
        if (!isalnum((unsigned char)*at) || (unsigned char)*at > 127)
            *at = '_';
    return to;
}

static void write_matrix(const struct fixed *f, size_t i, FILE *to)
{
    const struct fixed_matrix *m = f->matrix[i];
    char name[96];
    name_of(f, i, name);
    fprintf(to, "/* %s [%zu, %zu], its bias, and what each sum is shifted by */\n", name, m->out,
            m->in);
    write_integers(to, f->weight_bits == 8 ? "int8_t" : "int16_t", name, "", m->out * m->in,
                   m->weight);
    write_integers(to, "int32_t", name, "_base", m->out, m->base);
    fprintf(to, "static const int8_t %s_shift[%zu] = {", name, m->out);
    for (size_t o = 0; o < m->out; o++)
        fprintf(to, "%s%d,", o % 12 ? " " : "\n    ", m->shift[o]);
    fputs("\n};\n\n", to);
}

/* --- steps */

struct place {
    char text[32];
};

static struct place place_of(const struct fixed *f, size_t value)
{
    struct place p;
    if (value == f->input)
        snprintf(p.text, sizeof p.text, "x");
    else
        snprintf(p.text, sizeof p.text, "v + %zu", f->value[value]->at);
    return p;
}

static void write_product(const struct fixed *f, const struct fixed_matrix *m, const char *x,
                          size_t at, FILE *to)
{
    char name[96];
    size_t i = 0;
    while (f->matrix[i] != m)
        i++;
    name_of(f, i, name);
    fprintf(to, "    product%d(%s, %s_base, %s_shift, %s, a + %zu, %zu, %zu);\n",
            m->is_narrow ? 32 : 64, name, name, name, x, at, m->out, m->in);
}

static void write_cell(const struct fixed *f, const struct fixed_step *s, const char *x,
                       const char *y, FILE *to)
{
    const size_t n = f->value[s->out]->columns, gates = s->matrix[0]->out;
    struct place h;
    snprintf(h.text, sizeof h.text, "s->kept + %zu", s->kept);
    write_product(f, s->matrix[0], x, 0, to);
    write_product(f, s->matrix[1], h.text, gates, to);
    if (s->kind == FIXED_LSTM)
        fprintf(to, "    lstm(a, a + %zu, %s, s->kept + %zu, %zu, %d);\n", gates, h.text,
                s->kept + n, n, f->value[s->cell]->bits);
    else
        fprintf(to, "    %s(a, a + %zu, %s, %zu);\n", s->kind == FIXED_GRU ? "gru" : "rnn", gates,
                h.text, n);
    fprintf(to, "    copy(%s, %s, %zu);\n", h.text, y, n);
}

static void write_step(const struct fixed *f, const struct fixed_step *s, FILE *to)
{
    const struct place pa = place_of(f, s->in[0]), pb = place_of(f, s->in[1]),
                       py = place_of(f, s->out);
    const struct fixed_value *a = f->value[s->in[0]], *b = f->value[s->in[1]],
                             *y = f->value[s->out];
    const int finer = a->bits > b->bits ? a->bits : b->bits;
    switch (s->kind) {
    case FIXED_LINEAR:
        write_product(f, s->matrix[0], pa.text, 0, to);
        fprintf(to, "    store(a, %s, %zu, %d);\n", py.text, y->columns, s->relu);
        break;
    case FIXED_GRU:
    case FIXED_LSTM:
    case FIXED_RNN:
        write_cell(f, s, pa.text, py.text, to);
        break;
    case FIXED_JOIN:
        fprintf(to, "    move(%s, %s, %zu, %d);\n    move(%s, %s + %zu, %zu, %d);\n", pa.text,
                py.text, a->columns, a->bits - y->bits, pb.text, py.text, a->columns, b->columns,
                b->bits - y->bits);
        break;
    case FIXED_SUM:
        fprintf(to, "    sum(%s, %d, %s, %d, %s, %zu, %d, %d);\n", pa.text, finer - a->bits,
                pb.text, finer - b->bits, py.text, y->columns, finer - y->bits, s->relu);
        break;
    case FIXED_UNFOLD:
        fprintf(to, "    unfold(s->kept + %zu, %s, %s, %zu, %zu, %zu);\n", s->kept, pa.text,
                py.text, a->columns, s->kernel, s->dilation);
        break;
    case FIXED_IQ:
        fprintf(to, "    iq(%s, %d, %s, %d);\n", pa.text, a->bits, py.text, y->bits);
        break;
    }
}

/* --- the parts of a file */

size_t fixed_text_bytes(const struct fixed *f)
{
    return 2 * (f->kept + !f->kept + f->places) + 4 * (f->sums + !f->sums);
}

void fixed_text_state(const struct fixed *f, const char *name, FILE *to)
{
    fprintf(to,
            "struct %s_state {\n    int16_t kept[%zu]; /* from row to row */\n"
            "    int16_t value[%zu];\n    int32_t sum[%zu];\n};\n\n",
            name, f->kept + !f->kept, f->places, f->sums + !f->sums);
}

void fixed_text_model(const struct fixed *f, const char *name, FILE *to)
{
    const unsigned kinds = kinds_of(f);
    if (kinds & CELLS)
        fixed_text_table(to, "int16_t", "tanh_table", FIXED_TABLE + 1, f->table);
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++)
        if (helpers[i].kinds & kinds)
            fprintf(to, "%s\n", helpers[i].text);
    write_products(f, to);
    for (size_t i = 0; i < f->matrices; i++)
        write_matrix(f, i, to);
    const struct place last = place_of(f, f->output);
    fprintf(to,
            "static void model(struct %s_state *s, const int16_t *x, int16_t *out)\n{\n"
            "    int16_t *v = s->value;\n%s",
            name, f->sums ? "    int32_t *a = s->sum;\n" : "");
    for (size_t i = 0; i < f->steps; i++)
        write_step(f, f->step[i], to);
    fprintf(to, "    for (int i = 0; i < %zu; i++)\n        out[i] = (%s)[i];\n}\n\n",
            f->value[f->output]->columns, last.text);
}
