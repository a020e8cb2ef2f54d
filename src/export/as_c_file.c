/* SPDX-License-Identifier: MIT */
#include "export/as_c_file.h"

#include <ctype.h>
#include <string.h>

#include "data/transform.h"

struct as_c_named as_c_named(const char *name)
{
    struct as_c_named n = {.name = "m_"};
    size_t used = isalpha((unsigned char)*name) ? 0 : 2;
    for (; *name && used + 1 < sizeof n.name; name++)
        n.name[used++] = isalnum((unsigned char)*name) && (unsigned char)*name < 128 ? *name : '_';
    n.name[used] = 0;
    for (size_t i = 0; i <= used; i++)
        n.caps[i] = (char)toupper((unsigned char)n.name[i]);
    return n;
}

void as_c_write_word(const char *text, FILE *to)
{
    for (; *text; text++)
        fputc(isprint((unsigned char)*text) && *text != '*' && *text != '\\' ? *text : '.', to);
}

/* --- the beginning */

void as_c_write_columns(const struct exported *e, FILE *to)
{
    const struct list *features = &e->config->data.features;
    fputs(" * Columns of a row:\n", to);
    for (size_t i = 0; i < features->count; i++) {
        fprintf(to, " *   %zu ", i);
        as_c_write_word(features->item[i], to);
        fputc('\n', to);
    }
    fputs(" * Targets:\n", to);
    for (size_t i = 0; i < e->data->targets * e->data->channels; i++) {
        fprintf(to, " *   %zu ", i);
        as_c_write_word(e->data->channels > 1 ? features->item[i % features->count]
                                              : e->data->target_names[i],
                        to);
        fputc('\n', to);
    }
}

static void write_head(const struct as_c *a, const struct as_c_named *n, FILE *to)
{
    const struct golden *g = a->golden;
    fprintf(to, "/*\n * The model '");
    as_c_write_word(a->e->config->run.name, to);
    fprintf(to,
            "', of type %s, by seqtrain " PACKAGE_VERSION ". C99; it needs libm and allocates "
            "nothing.\n * Include this file, or compile it with -DSEQTRAIN_MAIN: a program that "
            "checks itself.\n *\n",
            model_of(a->e->config)->name);
    as_c_write_columns(a->e, to);
    fprintf(to,
            " */\n#include <float.h>\n#include <math.h>\n#ifdef SEQTRAIN_MAIN\n#include "
            "<stdio.h>\n#endif\n\nenum {\n    %s_FEATURES = %zu,\n    %s_TARGETS = %zu,\n"
            "    %s_WINDOW = %zu, /* rows that go in at a time */\n"
            "    %s_ROWS = %zu /* rows that come out */\n};\n\n",
            n->caps, g->columns, n->caps, g->targets, n->caps, a->window, n->caps, a->rows);
    fprintf(to, "struct %s_state {\n    float kept[%zu]; /* from row to row */\n", n->name,
            cfile_kept(a->code) + !cfile_kept(a->code));
    fprintf(to, "    float work[%zu];\n};\n\n", cfile_work(a->code));
}

/* --- the way in */

static void write_in(const struct as_c *a, const struct as_c_named *n, FILE *to)
{
    const struct exported *e = a->e;
    const struct scaler *s = &e->data->scaler;
    cfile_write_doubles(to, "scaler_offset", s->features, s->offset);
    cfile_write_doubles(to, "scaler_scale", s->features, s->scale);
    fprintf(to,
            "\n/* Rows as the model reads them: features [%zu] of a channel. */\n"
            "static void scale_rows(const float *rows, float *x, int channel)\n{\n"
            "    for (int t = 0; t < %s_WINDOW; t++)\n"
            "        for (int f = 0; f < %zu; f++) {\n"
            "            const int at = channel * %zu + f;\n"
            "            x[t * %zu + f] = (float)(((double)rows[t * %s_FEATURES + at] - "
            "scaler_offset[at]) /\n                                      scaler_scale[at]);\n"
            "        }\n",
            e->data->features, n->caps, e->data->features, e->data->features, e->data->features,
            n->caps);
    if (s->kind == SCALER_WINDOW)
        fprintf(to, "    standardise(x, %s_WINDOW, %zu);\n", n->caps, e->data->features);
    else if (s->kind == SCALER_RELATIVE)
        fprintf(to, "    relative(x, %s_WINDOW, %zu, %zu);\n", n->caps, e->data->features, s->base);
    fputs("}\n\n", to);
}

/* --- the way out */

/* The inverse of a step that is fitted to nothing, as an expression of v. */
static const char *undo(const struct transform_step *s, char to[128])
{
    if (s->kind == TRANSFORM_LOG)
        return "exp(fmin(v, log(DBL_MAX)))";
    if (s->kind == TRANSFORM_SIGNED_LOG)
        return "copysign(expm1(fmin(fabs(v), log(DBL_MAX))), v)";
    if (s->kind == TRANSFORM_SQRT)
        return "v > 0 ? fmin(v * v, DBL_MAX) : 0";
    if (s->kind == TRANSFORM_SIGNED_SQRT)
        return "v * fmin(fabs(v), sqrt(DBL_MAX))";
    snprintf(to, 128, "copysign(fmin(pow(fabs(v), %.17g), DBL_MAX), v)", 1 / s->a);
    return to;
}

static void write_step(const struct exported *e, size_t at, FILE *to)
{
    const struct transform_step *s = &e->fitted->transform->step[at];
    char text[128];
    if (s->kind == TRANSFORM_SCALE || s->kind == TRANSFORM_STANDARD)
        fprintf(to, "    v = v * step%zu_scale[k] + step%zu_offset[k];\n", at, at);
    else if (s->kind != TRANSFORM_CLIP) /* its inverse changes nothing */
        fprintf(to, "    v = %s;\n", undo(s, text));
}

/* The figures of a step of all targets' chains, which are of one kind. */
static void write_fitted(const struct exported *e, size_t at, FILE *to)
{
    const struct transform *of = e->fitted->transform;
    const int kind = of->step[at].kind;
    static const char *const what[] = {"offset", "scale"};
    if (kind != TRANSFORM_SCALE && kind != TRANSFORM_STANDARD)
        return;
    for (int i = 0; i < 2; i++) {
        fprintf(to, "static const double step%zu_%s[%zu] = {", at, what[i], e->fitted->targets);
        for (size_t k = 0; k < e->fitted->targets; k++)
            fprintf(to, "%.17g, ", i ? of[k].step[at].scale : of[k].step[at].offset);
        fputs("};\n", to);
    }
}

void as_c_write_unit(const struct exported *e, FILE *to)
{
    const size_t steps =
        e->fitted->transform && e->fitted->targets ? e->fitted->transform->steps : 0;
    for (size_t i = 0; i < steps; i++)
        write_fitted(e, i, to);
    fputs("/* Target k in the unit of the file. */\nstatic float unit(double v, int k)\n{\n", to);
    if (e->config->loss.target == LOSS_BCE)
        fputs("    v = 1 / (1 + exp(-v));\n", to);
    for (size_t i = steps; i-- > 0;)
        write_step(e, i, to);
    fputs("    (void)k;\n    return (float)v;\n}\n\n", to);
}

/* --- the model */

static void write_model(const struct as_c *a, const struct as_c_named *n, FILE *to)
{
    fprintf(to,
            "/* What the model makes of its input at %s. */\nstatic const float *model(struct "
            "%s_state *s)\n{\n    float *w = s->work;\n",
            a->input, n->name);
    cfile_write_calls(a->code, to);
    fprintf(to, "    return %s;\n}\n\n", a->output);
}

static void write_interface(const struct as_c *a, const struct as_c_named *n, FILE *to)
{
    const size_t k = a->e->shape.targets;
    fprintf(to,
            "/* Before the first row. */\nvoid %s_reset(struct %s_state *s)\n{\n"
            "    for (int i = 0; i < (int)(sizeof s->kept / sizeof *s->kept); i++)\n"
            "        s->kept[i] = 0;\n}\n\n",
            n->name, n->name);
    if (a->by_row)
        fprintf(to,
                "/* The next row, and what is predicted for it. */\nvoid %s_step(struct %s_state "
                "*s, const float row[%s_FEATURES],\n    float out[%s_TARGETS])\n{\n"
                "    const float *rows = row;\n",
                n->name, n->name, n->caps, n->caps);
    else
        fprintf(to,
                "/* A window of rows, the oldest first, and what is predicted behind or for them. "
                "*/\nvoid %s_predict(struct %s_state *s, const float rows[%s_WINDOW * "
                "%s_FEATURES],\n    float out[%s_ROWS * %s_TARGETS])\n{\n",
                n->name, n->name, n->caps, n->caps, n->caps, n->caps);
    fprintf(to,
            "    for (int c = 0; c < %zu; c++) {\n        float *w = s->work;\n"
            "        scale_rows(rows, %s, c);\n        const float *y = model(s);\n"
            "        for (int r = 0; r < %s_ROWS; r++)\n            for (int k = 0; k < %zu; k++)\n"
            "                out[r * %s_TARGETS + c * %zu + k] = unit(y[r * %zu + k], c * %zu + "
            "k);\n    }\n}\n\n",
            a->e->data->channels, a->input, n->caps, k, n->caps, k, k, k);
}

/* --- golden vectors */

static void write_golden(const struct as_c *a, FILE *to)
{
    const struct golden *g = a->golden;
    fprintf(to,
            "#ifdef SEQTRAIN_MAIN\n/* [%zu, %zu, %zu] rows, and what the engine predicted: "
            "[%zu, %zu, %zu] */\n",
            g->windows, g->rows, g->columns, g->windows, g->out_rows, g->targets);
    cfile_write_floats(to, "golden_in", g->windows * g->rows * g->columns, g->in);
    cfile_write_doubles(to, "golden_out", g->windows * g->out_rows * g->targets, g->out);
    fputs("/* Standard deviations of the targets, which deviations are told in. */\n", to);
    cfile_write_doubles(to, "golden_unit", g->targets, g->unit);
}

static void write_main(const struct as_c *a, const struct as_c_named *n, FILE *to)
{
    const struct golden *g = a->golden;
    fprintf(
        to,
        "\nint main(void)\n{\n    static struct %s_state state;\n"
        "    static float out[%s_ROWS * %s_TARGETS];\n    double most = 0;\n"
        "    %s_reset(&state);\n    for (int i = 0; i < %zu; i++) {\n"
        "        %s_%s(&state, golden_in + i * %s_WINDOW * %s_FEATURES, out);\n"
        "        for (int j = 0; j < %s_ROWS * %s_TARGETS; j++) {\n"
        "            const int k = i * %s_ROWS * %s_TARGETS + j;\n"
        "            /* what a float cannot hold is no deviation */\n"
        "            const double ulp = FLT_EPSILON / 2 * fabs(golden_out[k]);\n"
        "            const double off =\n                (fabs(out[j] - golden_out[k]) - ulp) / "
        "golden_unit[j %% %s_TARGETS];\n"
        "            if (!(off <= most) && most >= 0)\n                most = off; /* NaN stays "
        "*/\n        }\n    }\n",
        n->name, n->caps, n->caps, n->name, g->windows * g->rows / a->window, n->name,
        a->by_row ? "step" : "predict", n->caps, n->caps, n->caps, n->caps, n->caps, n->caps,
        n->caps);
    fprintf(to,
            "    printf(\"largest deviation %%.3g of a target's standard deviation, allowed "
            "%.3g\\n\", most);\n    return most <= %.3g ? 0 : 1;\n}\n#endif\n",
            AS_C_TOLERANCE, AS_C_TOLERANCE);
}

void as_c_file_write(const struct as_c *a, FILE *to)
{
    const struct as_c_named n = as_c_named(a->e->config->run.name);
    write_head(a, &n, to);
    cfile_write_tables(a->code, to);
    write_in(a, &n, to);
    as_c_write_unit(a->e, to);
    write_model(a, &n, to);
    write_interface(a, &n, to);
    write_golden(a, to);
    write_main(a, &n, to);
}
