/* SPDX-License-Identifier: MIT */
#include "export/as_c_fixed.h"

#include <math.h>
#include <string.h>

#include "export/as_c_file.h"
#include "export/quantised.h"
#include "fixed/text.h"

struct writing {
    struct exported *e;
    const struct quantised *q;
    const struct fixed_value *in, *out;
    struct as_c_named name;
    FILE *to;
};

/* "w8a16, validation nmse_db -38.71 (in floats -38.80)" */
static void tell_figures(const struct writing *w, char to[160])
{
    int used = snprintf(to, 160, "w%da16", w->q->fixed->weight_bits);
    for (size_t i = 0; i < w->q->figures && used < 120; i++)
        used += snprintf(to + used, 160 - (size_t)used, ", %s %s %.5g (in floats %.5g)",
                         w->q->figure[i].part, w->q->metric, w->q->figure[i].integers,
                         w->q->figure[i].floats);
}

static void write_head(const struct writing *w)
{
    const struct as_c_named *n = &w->name;
    char figures[160];
    tell_figures(w, figures);
    fputs("/*\n * The model '", w->to);
    as_c_write_word(w->e->config->run.name, w->to);
    fprintf(
        w->to,
        "', of type %s, in integers, by seqtrain " PACKAGE_VERSION ".\n * %s.\n *\n"
        " * C99. It allocates nothing, and what %s_step_fixed() computes needs no floating "
        "point.\n * With -D%s_NO_FLOATS that and %s_reset() are all that there is. Include this "
        "file, or\n * compile it with -DSEQTRAIN_MAIN: a program that checks itself.\n *\n"
        " * A number q of a row is q / 2^%s_IN_BITS of the column, scaled as in training; one "
        "that\n * comes out is q / 2^%s_OUT_BITS of the target as the model was taught it.\n *\n",
        model_of(w->e->config)->name, figures, n->name, n->caps, n->name, n->caps, n->caps);
    as_c_write_columns(w->e, w->to);
    fprintf(
        w->to,
        " */\n#include <stdint.h>\n#ifndef %s_NO_FLOATS\n#include <float.h>\n#include <math.h>\n"
        "#endif\n#ifdef SEQTRAIN_MAIN\n#include <stdio.h>\n#endif\n\nenum {\n"
        "    %s_FEATURES = %zu,\n    %s_TARGETS = %zu,\n    %s_IN_BITS = %d,\n"
        "    %s_OUT_BITS = %d\n};\n\n",
        n->caps, n->caps, w->in->columns, n->caps, w->out->columns, n->caps, w->in->bits, n->caps,
        w->out->bits);
}

static void write_interface(const struct writing *w)
{
    const char *name = w->name.name, *caps = w->name.caps;
    fprintf(w->to,
            "/* Before the first row of a series. */\nvoid %s_reset(struct %s_state *s)\n{\n"
            "    for (int i = 0; i < (int)(sizeof s->kept / sizeof *s->kept); i++)\n"
            "        s->kept[i] = 0;\n}\n\n"
            "/* The next row, and what is predicted for it. */\nvoid %s_step_fixed(struct %s_state "
            "*s, const int16_t row[%s_FEATURES],\n    int16_t out[%s_TARGETS])\n{\n"
            "    model(s, row, out);\n}\n\n",
            name, name, name, name, caps, caps);
}

static void write_floats(const struct writing *w)
{
    const char *name = w->name.name, *caps = w->name.caps;
    const struct scaler *s = &w->e->data->scaler;
    fprintf(w->to, "#ifndef %s_NO_FLOATS\n", caps);
    cfile_write_doubles(w->to, "scaler_offset", s->features, s->offset);
    cfile_write_doubles(w->to, "scaler_scale", s->features, s->scale);
    as_c_write_unit(w->e, w->to);
    fprintf(w->to,
            "/* A row in the unit of the file as integers. */\n"
            "void %s_quantise(const float row[%s_FEATURES], int16_t to[%s_FEATURES])\n{\n"
            "    for (int f = 0; f < %s_FEATURES; f++) {\n"
            "        const double x = ((double)row[f] - scaler_offset[f]) / scaler_scale[f];\n"
            "        const double q = floor(x * %.17g + 0.5);\n"
            "        to[f] = q >= INT16_MAX ? INT16_MAX : q > INT16_MIN ? (int16_t)q : INT16_MIN;\n"
            "    }\n}\n\n",
            name, caps, caps, caps, ldexp(1, w->in->bits));
    fprintf(w->to,
            "/* The next row and what is predicted for it, both in the unit of the file. */\n"
            "void %s_step(struct %s_state *s, const float row[%s_FEATURES], float "
            "out[%s_TARGETS])\n{\n    int16_t in[%s_FEATURES], y[%s_TARGETS];\n"
            "    %s_quantise(row, in);\n    %s_step_fixed(s, in, y);\n"
            "    for (int k = 0; k < %s_TARGETS; k++)\n        out[k] = unit((double)y[k] / %.17g, "
            "k);\n"
            "}\n#endif\n\n",
            name, name, caps, caps, caps, caps, name, name, caps, ldexp(1, w->out->bits));
}

static void write_main(const struct writing *w)
{
    const struct quantised *q = w->q;
    const char *name = w->name.name, *caps = w->name.caps;
    fprintf(w->to, "#ifdef SEQTRAIN_MAIN\n/* Rows of the data, and what comes out. */\n");
    fixed_text_table(w->to, "int16_t", "golden_in", q->rows * w->in->columns, q->in);
    fixed_text_table(w->to, "int16_t", "golden_out", q->rows * w->out->columns, q->out);
    fprintf(w->to, "#ifndef %s_NO_FLOATS\n/* The rows in the unit of the file. */\n", caps);
    cfile_write_floats(w->to, "golden_row", q->rows * w->in->columns, q->row);
    fputs("#endif\n", w->to);
    fprintf(w->to,
            "\nint main(void)\n{\n    static struct %s_state state;\n    int16_t out[%s_TARGETS];\n"
            "    long wrong = 0;\n    %s_reset(&state);\n    for (int i = 0; i < %zu; i++) {\n"
            "#ifndef %s_NO_FLOATS\n        int16_t in[%s_FEATURES];\n"
            "        %s_quantise(golden_row + i * %s_FEATURES, in);\n"
            "        for (int f = 0; f < %s_FEATURES; f++)\n"
            "            wrong += in[f] != golden_in[i * %s_FEATURES + f];\n#endif\n"
            "        %s_step_fixed(&state, golden_in + i * %s_FEATURES, out);\n"
            "        for (int k = 0; k < %s_TARGETS; k++)\n"
            "            wrong += out[k] != golden_out[i * %s_TARGETS + k];\n    }\n"
            "    printf(\"%zu rows, %%ld numbers are wrong\\n\", wrong);\n"
            "    return wrong ? 1 : 0;\n}\n#endif\n",
            name, caps, name, q->rows, caps, caps, name, caps, caps, caps, name, caps, caps, caps,
            q->rows);
}

static void write_file(const struct writing *w)
{
    write_head(w);
    fixed_text_state(w->q->fixed, w->name.name, w->to);
    fixed_text_model(w->q->fixed, w->name.name, w->to);
    write_interface(w);
    write_floats(w);
    write_main(w);
}

int as_c_fixed_write(struct exported *e, FILE *to, char told[256], struct error *err)
{
    struct quantised q;
    const int failed = quantised_init(&q, e, err);
    if (!failed) {
        const struct writing w = {.e = e,
                                  .q = &q,
                                  .in = q.fixed->value[q.fixed->input],
                                  .out = q.fixed->value[q.fixed->output],
                                  .name = as_c_named(e->config->run.name),
                                  .to = to};
        char figures[160];
        write_file(&w);
        tell_figures(&w, figures);
        snprintf(told, 256, "%s: %zu numbers, %zu bytes of state", figures, q.fixed->numbers,
                 fixed_text_bytes(q.fixed));
    }
    quantised_fini(&q);
    return failed ? -1 : 0;
}
