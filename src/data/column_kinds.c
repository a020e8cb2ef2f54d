/* SPDX-License-Identifier: MIT */
#include "data/column_kinds.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "data/aggregate.h"
#include "data/amount.h"
#include "data/csv.h"
#include "data/load.h"
#include "data/text.h"
#include "data/time_judge.h"

#define ROWS 2000    /* that are looked at */
#define WORD_MOST 40 /* bytes of a word that is kept */

/* What the rows of a column have shown. */
struct shown_by {
    size_t numbers, others; /* fields with a value */
    size_t clocks;          /* "09:30" */
    struct time_judge judge;
};

/* --- names */

/* Names that tell a role, whatever their case; what a candle's are is told by aggregate.h too. */
static const struct {
    enum column_role role;
    const char *name;
} roles[] = {
    {ROLE_I_IN, "I_in"},     {ROLE_I_IN, "I"},     {ROLE_I_IN, "x_i"},
    {ROLE_Q_IN, "Q_in"},     {ROLE_Q_IN, "Q"},     {ROLE_Q_IN, "x_q"},
    {ROLE_I_OUT, "I_out"},   {ROLE_I_OUT, "y_i"},  {ROLE_Q_OUT, "Q_out"},
    {ROLE_Q_OUT, "y_q"},     {ROLE_FILE, "file"},  {ROLE_FILE, "file_name"},
    {ROLE_FILE, "filename"}, {ROLE_FILE, "image"}, {ROLE_CAPTION, "caption"},
    {ROLE_CAPTION, "text"},  {ROLE_TEXT, "text"},
};

/* Whether a character of UTF-8 is a part of a word: a letter, or no ASCII. */
static int is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Whether a word of a name is this one, whatever the case of ASCII letters: "time" of open_time. */
static int has_word(const char *name, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = name; *at; at++)
        if ((at == name || !is_letter(at[-1])) && !strncasecmp(at, word, n) && !is_letter(at[n]))
            return 1;
    return 0;
}

/* Words in the names of columns that hold times: English, German, Spanish, Russian, Korean,
 * Japanese, Chinese. */
static int is_called_time(const char *name)
{
    static const char *const words[] = {
        "time",
        "date",
        "datetime",
        "timestamp",
        "ts",
        "unix",
        "day",
        "month",
        "datum",
        "zeit",
        "fecha",
        "hora",
        "\xd0\xb4\xd0\xb0\xd1\x82\xd0\xb0", /* data */
        "\xeb\x82\xa0\xec\xa7\x9c",         /* nalja */
        "\xec\x9d\xbc\xec\x9e\x90",         /* ilja */
        "\xec\x9d\xbc\xec\x8b\x9c",         /* ilsi */
        "\xec\x8b\x9c\xea\xb0\x84",         /* sigan */
        "\xe6\x97\xa5\xe4\xbb\x98",         /* hizuke */
        "\xe6\x97\xa5\xe6\x9c\x9f",         /* riqi */
        "\xe6\x97\xb6\xe9\x97\xb4",         /* shijian */
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(name, words[i]))
            return 1;
    return 0;
}

/* The value of a candle that a name tells. */
static enum column_role candle_role(const char *name)
{
    static const enum column_role of[AGGREGATES] = {
        [AGGREGATE_FIRST] = ROLE_OPEN, [AGGREGATE_MAX] = ROLE_HIGH,   [AGGREGATE_MIN] = ROLE_LOW,
        [AGGREGATE_LAST] = ROLE_CLOSE, [AGGREGATE_SUM] = ROLE_VOLUME, [AGGREGATE_MEAN] = ROLE_NONE};
    return aggregate_is_known(name) ? of[aggregate_of(NULL, name)] : ROLE_NONE;
}

static int is_taken(const struct column_kinds *k, enum column_role role)
{
    return column_of_role(k, role) != NULL;
}

/* The first column of a name has the role that it tells. */
static void give_roles(struct column_kinds *k)
{
    static const struct {
        enum column_role role;
        const char *word;
    } words[] = {{ROLE_CLOSE, "close"},
                 {ROLE_OPEN, "open"},
                 {ROLE_HIGH, "high"},
                 {ROLE_LOW, "low"},
                 {ROLE_VOLUME, "volume"}};
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
        for (size_t i = 0; i < k->columns; i++)
            if (csv_same_name(k->column[i].name, roles[r].name) && k->column[i].role == ROLE_NONE &&
                !is_taken(k, roles[r].role))
                k->column[i].role = roles[r].role;
    for (size_t i = 0; i < k->columns; i++) {
        const enum column_role role = candle_role(k->column[i].name);
        if (role && k->column[i].role == ROLE_NONE && k->column[i].kind == COLUMN_NUMBERS &&
            !is_taken(k, role))
            k->column[i].role = role;
    }
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t i = 0; i < k->columns && !is_taken(k, words[w].role); i++)
            if (has_word(k->column[i].name, words[w].word) && k->column[i].role == ROLE_NONE &&
                k->column[i].kind == COLUMN_NUMBERS)
                k->column[i].role = words[w].role;
}

/* --- fields */

/* "9:30", "09:30:00.250": a time of day and no date. */
static int is_clock(const char *text, size_t length)
{
    const char *colon = memchr(text, ':', length);
    return colon && colon - text <= 2 && colon > text && isdigit((unsigned char)*text) &&
           length <= 15 && !strpbrk(text, "-/");
}

/* Keeps the first word; 0, or -1: memory. */
static int keep_word(struct column_seen *seen, const struct csv *csv, const struct csv_field *field)
{
    if (seen->words++)
        return 0;
    seen->line = csv->line;
    seen->word = strndup(field->text, field->length < WORD_MOST ? field->length : WORD_MOST);
    return seen->word ? 0 : -1;
}

static int look_at(struct column_seen *seen, struct shown_by *by, const struct csv *csv,
                   const struct csv_field *field)
{
    const int number = amount_is_number(field->text, field->length);
    seen->numbers += (size_t)number;
    by->numbers += (size_t)number;
    by->others += (size_t)!number;
    by->clocks += (size_t)is_clock(field->text, field->length);
    time_judge_row(&by->judge, field->text, field->length, csv->line);
    return number ? 0 : keep_word(seen, csv, field);
}

/* Whether the fields are times, by themselves; what reads as more than one time is some, too. */
static int reads_as_time(const struct shown_by *by, const char *name)
{
    struct time_form form = {0};
    struct error err;
    const int failed = time_judge_end(&by->judge, "", name, &form, &err);
    time_form_fini(&form);
    return !failed || by->judge.orders;
}

/* A number is a time only where its size is that of an instant, or its name says so. What is called
 * a time is one even where it cannot be read as such: the reading of the file tells why. */
static enum column_kind kind_of(const struct shown_by *by, const char *name)
{
    if (!by->numbers && !by->others)
        return COLUMN_EMPTY;
    if (by->clocks == by->numbers + by->others)
        return COLUMN_CLOCK;
    const int is_time = reads_as_time(by, name);
    if (is_called_time(name) || (is_time && by->others))
        return COLUMN_TIME;
    if (by->others)
        return COLUMN_WORDS;
    const int large = by->judge.least >= 1e9 && by->judge.least < by->judge.most;
    return is_time && large && by->judge.units > 1 ? COLUMN_TIME : COLUMN_NUMBERS;
}

/* --- the columns as a whole */

/* Of several times the first counts, and those that their names tell before others; the others are
 * nothing to learn from. A time of day counts beside a date alone. */
static void keep_one_time(struct column_kinds *k, const struct shown_by *by)
{
    size_t best = k->columns;
    for (int named = 1; named >= 0 && best == k->columns; named--)
        for (size_t i = k->columns; i-- > 0;)
            if (k->column[i].kind == COLUMN_TIME && is_called_time(k->column[i].name) >= named)
                best = i;
    for (size_t i = 0, clocks = 0; i < k->columns; i++) {
        const int is_date = best < k->columns &&
                            (by[best].judge.dates || by[best].judge.orders || by[best].judge.iso);
        if (k->column[i].kind == COLUMN_TIME && i != best)
            k->column[i].kind = COLUMN_WORDS;
        if (k->column[i].kind == COLUMN_CLOCK && (!is_date || clocks++))
            k->column[i].kind = COLUMN_WORDS;
    }
}

/* Whether a configuration can name the column. */
static int is_tellable(const struct column_kinds *k, const char *name)
{
    size_t same = 0;
    for (size_t i = 0; i < k->columns; i++)
        same += !strcmp(k->column[i].name, name);
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return 0;
    return *name && same == 1 && text_is_utf8(name, strlen(name));
}

static int allocate(struct column_kinds *k, const struct csv *csv)
{
    const char *known = csv_known_names(csv);
    k->bare = csv_is_bare(csv);
    k->has_known_names = k->bare && known;
    k->column = calloc(csv->columns, sizeof *k->column);
    for (size_t i = 0; k->column && i < csv->columns; i++, k->columns++) {
        char *name = NULL;
        if (k->has_known_names) {
            known += strspn(known, ", ");
            name = strndup(known, strcspn(known, ","));
            known += strcspn(known, ",");
        } else if (!k->bare) {
            name = strdup(csv->name[i]);
        } else if (asprintf(&name, "c%zu", i + 1) < 0) {
            name = NULL;
        }
        if (!(k->column[i].name = name))
            return -1;
    }
    return k->column ? 0 : -1;
}

/* Looks at the first rows. */
static int look_at_rows(struct column_kinds *k, struct shown_by *by, struct csv *csv,
                        const struct list *missing, struct error *err)
{
    int more = 0;
    while (k->rows < ROWS && (more = csv_next(csv, err)) > 0) {
        for (size_t i = 0; i < k->columns; i++)
            if (!csv_is_missing(&csv->field[i], missing->item, missing->count) &&
                look_at(&k->column[i], &by[i], csv, &csv->field[i]))
                return error_set(err, STATUS_FAILED, "out of memory");
        k->rows++;
    }
    return more < 0 ? -1 : 0;
}

int column_kinds_read(struct column_kinds *k, const char *path, const struct config *config,
                      struct error *err)
{
    const struct csv_how how = keys_csv_how(config);
    struct csv *csv = csv_open(path, &how, err);
    struct shown_by *by = NULL;
    int failed = !csv;
    memset(k, 0, sizeof *k);
    if (csv && (allocate(k, csv) || !(by = calloc(k->columns, sizeof *by))))
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; !failed && i < k->columns; i++)
        k->is_not_utf8 |= !text_is_utf8(k->column[i].name, strlen(k->column[i].name));
    failed = failed || look_at_rows(k, by, csv, &config->data.missing_values, err);
    for (size_t i = 0; !failed && i < k->columns; i++)
        k->column[i].kind =
            is_tellable(k, k->column[i].name) ? kind_of(&by[i], k->column[i].name) : COLUMN_UNTOLD;
    if (!failed) {
        keep_one_time(k, by);
        give_roles(k);
    } else {
        column_kinds_fini(k);
    }
    free(by);
    csv_close(csv);
    return failed ? -1 : 0;
}

void column_kinds_fini(struct column_kinds *k)
{
    for (size_t i = 0; i < k->columns; i++) {
        free(k->column[i].name);
        free(k->column[i].word);
    }
    free(k->column);
    memset(k, 0, sizeof *k);
}

const char *column_of_role(const struct column_kinds *k, enum column_role role)
{
    for (size_t i = 0; i < k->columns; i++)
        if (k->column[i].role == role)
            return k->column[i].name;
    return NULL;
}

const char *column_of_kind(const struct column_kinds *k, enum column_kind kind)
{
    for (size_t i = 0; i < k->columns; i++)
        if (k->column[i].kind == kind)
            return k->column[i].name;
    return NULL;
}
