/* SPDX-License-Identifier: MIT */
#include "report/figures.h"

#include <math.h>
#include <string.h>

#include "report/html.h"

enum { ROWS = 200, COLUMNS = 40 }; /* of a table, the first ones */

/* What all events have, and what is told elsewhere on the page. */
static const char *const not_shown[] = {
    "event",          "time", "run",  "level", "said",      "band",      "advice",
    "generalisation", "part", "fold", "text",  "telemetry", "directory", NULL};

static int is_shown(const char *name)
{
    for (size_t i = 0; not_shown[i]; i++)
        if (!strcmp(name, not_shown[i]))
            return 0;
    return 1;
}

static const struct {
    const char *name, *word;
} figure_words[] = {
    {"mse", "MSE"},
    {"mae", "MAE"},
    {"rmse", "RMSE"},
    {"r2", "R\xc2\xb2"},
    {"directional_accuracy", "direction"},
    {"naive_directional_accuracy", "direction, naive"},
    {"beats_naive", "better than naive"},
    {"cross_entropy", "cross-entropy"},
    {"bits_per_character", "bits a character"},
    {"token_frequencies", "cross-entropy by token frequencies alone"},
    {"cider", "CIDEr-D"},
    {"bleu_1", "BLEU-1"},
    {"bleu_2", "BLEU-2"},
    {"bleu_3", "BLEU-3"},
    {"bleu_4", "BLEU-4"},
    {"rouge_l", "ROUGE-L"},
    {"exact", "exact captions, share"},
    {"distinct", "different captions, share"},
    {"distinct_1", "different words, share"},
    {"distinct_2", "different pairs of words, share"},
    {"siglip", "SigLIP score"},
    {"siglip_cosine", "SigLIP cosine"},
    {"nmse_db", "NMSE, dB"},
    {"nmse_pooled_db", "NMSE pooled, dB"},
    {"aclr_left_db", "ACLR left, dB"},
    {"aclr_right_db", "ACLR right, dB"},
    {"measured_aclr_left_db", "ACLR left, measured, dB"},
    {"measured_aclr_right_db", "ACLR right, measured, dB"},
    {"evm_db", "EVM, dB"},
    {"outside_inverse", "beyond the transform's range"},
    {"independent_windows", "independent windows"},
    {"largest_share", "share of the largest category"},
    {"kl_divergence", "KL divergence of the map"},
    {"points", "points of the map"},
    {"train_windows", "training windows"},
    {"validation_windows", "validation windows"},
    {"test_windows", "test windows"},
    {"p", "p, two-sided"},
    {"step_ms", "time from row to row"},
    {NULL, NULL},
};

const char *figures_word(const char *name)
{
    for (size_t i = 0; figure_words[i].name; i++)
        if (!strcmp(figure_words[i].name, name))
            return figure_words[i].word;
    return name;
}

/* Whether a name is that of a time in milliseconds, as "step_ms". */
static int is_duration(const char *name)
{
    const size_t length = strlen(name);
    return length > 3 && !strcmp(name + length - 3, "_ms");
}

/* A name with blanks for its underscores, of a time without its unit. */
static void put_word(const char *name, FILE *out)
{
    const char *word = figures_word(name);
    char plain[128];
    snprintf(plain, sizeof plain, "%s", word);
    if (word == name && is_duration(plain))
        plain[strlen(plain) - 3] = 0;
    for (char *c = plain; word == name && *c; c++)
        if (*c == '_')
            *c = ' ';
    html_text(plain, out);
}

void figures_put_value(const json_t *x, FILE *out)
{
    if (json_is_number(x))
        fputs(html_number(json_number_value(x)).text, out);
    else if (json_is_boolean(x))
        fputs(json_is_true(x) ? "yes" : "no", out);
    else if (json_is_string(x))
        html_put(json_string_value(x), json_string_length(x), out);
    else
        putc('-', out);
}

/* Of milliseconds the two largest units: "1 h 30 min". */
static void put_duration(double ms, FILE *out)
{
    static const struct {
        double ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    int parts = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units && parts < 2; i++) {
        const double whole = floor(ms / units[i].ms);
        if (whole < 1)
            continue;
        fprintf(out, "%s%.0f %s", parts++ ? " " : "", whole, units[i].name);
        ms -= whole * units[i].ms;
    }
    if (!parts)
        fputs(ms > 0 ? "less than 1 ms" : "0 s", out);
}

static int is_plain(const json_t *x)
{
    return !json_is_object(x) && !json_is_array(x);
}

static void begin_table(const char *caption, FILE *out)
{
    fputs("<div class=\"wide\" tabindex=\"0\">\n<table>\n<caption>", out);
    put_word(caption, out);
    fputs("</caption>\n", out);
}

static void end_table(FILE *out)
{
    fputs("</tbody>\n</table>\n</div>\n", out);
}

static void put_head(const char *name, FILE *out)
{
    fputs("<th scope=\"row\">", out);
    put_word(name, out);
    fputs("</th>", out);
}

static void put_cell(const char *name, const json_t *x, FILE *out)
{
    fputs(json_is_string(x) ? "<td class=\"text\">" : "<td>", out);
    if (is_duration(name) && json_is_number(x))
        put_duration(json_number_value(x), out);
    else
        figures_put_value(x, out);
    fputs("</td>", out);
}

/* The members that are no objects, a row each. */
static void put_plain(const char *caption, const json_t *object, FILE *out)
{
    const char *name;
    json_t *x;
    size_t rows = 0;
    json_object_foreach((json_t *)object, name, x)
    {
        if (!is_shown(name) || !is_plain(x) || json_is_null(x) || rows == ROWS)
            continue;
        if (!rows++) {
            begin_table(caption, out);
            fputs("<tbody>\n", out);
        }
        fputs("<tr>", out);
        put_head(name, out);
        put_cell(name, x, out);
        fputs("</tr>\n", out);
    }
    if (rows)
        end_table(out);
}

/* The first of the members that is an object. */
static const json_t *first_object(const json_t *object)
{
    const char *name;
    json_t *x;
    json_object_foreach((json_t *)object, name, x) if (json_is_object(x)) return x;
    return NULL;
}

/* A row for each object within, a column for each plain member of the first of them. */
static void put_rows(const char *caption, const json_t *object, FILE *out)
{
    const json_t *first = first_object(object);
    const char *name, *column;
    json_t *x, *ignored;
    size_t rows = 0, columns = 0;
    begin_table(caption, out);
    fputs("<thead>\n<tr><td></td>", out);
    json_object_foreach((json_t *)first, column, ignored)
    {
        if (!is_plain(ignored) || columns++ >= COLUMNS)
            continue;
        fputs("<th scope=\"col\">", out);
        put_word(column, out);
        fputs("</th>", out);
    }
    fputs("</tr>\n</thead>\n<tbody>\n", out);
    json_object_foreach((json_t *)object, name, x)
    {
        if (!json_is_object(x) || rows++ >= ROWS)
            continue;
        fputs("<tr>", out);
        put_head(name, out);
        columns = 0;
        json_object_foreach((json_t *)first, column, ignored)
        {
            if (is_plain(ignored) && columns++ < COLUMNS)
                put_cell(column, json_object_get(x, column), out);
        }
        fputs("</tr>\n", out);
    }
    end_table(out);
    if (rows > ROWS)
        fprintf(out, "<p>%zu more rows are in log.jsonl.</p>\n", rows - ROWS);
}

/* The naive forecasts of each row: objects two levels below. */
static void put_deeper(const json_t *object, FILE *out)
{
    const char *name, *inner;
    json_t *x, *y;
    size_t tables = 0;
    json_object_foreach((json_t *)object, name, x)
    {
        json_object_foreach(x, inner, y)
        {
            char caption[160];
            if (!json_is_object(y) || !first_object(y) || tables++ >= 8)
                continue;
            snprintf(caption, sizeof caption, "%s: %s", name,
                     !strcmp(inner, "naive") ? "naive forecasts" : inner);
            put_rows(caption, y, out);
        }
    }
}

void figures_put(const char *caption, const json_t *object, FILE *out)
{
    const char *name;
    json_t *x;
    put_plain(caption, object, out);
    json_object_foreach((json_t *)object, name, x)
    {
        if (!is_shown(name) || !json_is_object(x))
            continue;
        if (!first_object(x)) {
            put_plain(name, x, out);
            continue;
        }
        put_plain(name, x, out);
        put_rows(name, x, out);
        put_deeper(x, out);
    }
}
