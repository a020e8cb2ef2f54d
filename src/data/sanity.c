/* SPDX-License-Identifier: MIT */
/* What is hardly right about the values of a file: told, with the first row of each kind. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/aggregate.h"
#include "data/csv.h"
#include "data/load.h"

/* Rows of one kind. */
struct odd {
    size_t count, first;
};

static void note(struct odd *odd, int is, size_t row)
{
    if (is && !odd->count++)
        odd->first = row;
}

/* Keeps what was found: of each kind the first text, and in how many series it is. */
static int keep(struct load *load, const char *kind, const char *text)
{
    for (size_t i = 0; i < load->oddities; i++)
        if (!strcmp(load->oddity[i].kind, kind)) {
            load->oddity[i].series++;
            return 0;
        }
    struct oddity *more = realloc(load->oddity, (load->oddities + 1) * sizeof *more);
    if (!more)
        return load_no_memory(load);
    load->oddity = more;
    struct oddity *new = &more[load->oddities++];
    *new = (struct oddity){strdup(kind), strdup(text), 1};
    return new->kind &&new->text ? 0 : load_no_memory(load);
}

static int warn(struct load *load, const struct table *table, const struct odd *odd,
                const char *what, const char *remedy)
{
    char where[TABLE_WHERE], text[TABLE_WHERE + 512];
    if (!odd->count)
        return 0;
    snprintf(text, sizeof text, "%s: %s in %zu row%s, first here; %s",
             table_where(table, odd->first, where), what, odd->count, odd->count > 1 ? "s" : "",
             remedy);
    return keep(load, what, text);
}

/* The column whose name says open, high, low or close; NULL without one. Adjusted prices lie
 * outside of a candle, and are none. */
static const double *price(const struct table *table, enum aggregate rule)
{
    for (size_t i = 0; i < table->columns; i++)
        if (aggregate_of(NULL, table->name[i]) == rule && aggregate_is_known(table->name[i]) &&
            !csv_same_name(table->name[i], "Adj Close"))
            return table->column[i];
    return NULL;
}

static int outside(double x, double low, double high)
{
    double slack = 1e-9 * fabs(high);
    return x < low - slack || x > high + slack;
}

static int look_at_candles(struct load *load, const struct table *table)
{
    const double *open = price(table, AGGREGATE_FIRST), *high = price(table, AGGREGATE_MAX);
    const double *low = price(table, AGGREGATE_MIN), *close = price(table, AGGREGATE_LAST);
    struct odd crossed = {0}, beyond = {0}, zero = {0};
    for (size_t row = 0; row < table->rows; row++) {
        int both = high && low;
        note(&crossed, both && high[row] < low[row], row);
        note(&beyond,
             both && close && high[row] >= low[row] && low[row] > 0 &&
                 outside(close[row], low[row], high[row]),
             row);
        note(&zero,
             close && close[row] > 0 &&
                 ((open && open[row] == 0) || (high && high[row] == 0) || (low && low[row] == 0)),
             row);
    }
    int failed =
        warn(load, table, &crossed, "the high is below the low",
             "data.where can leave such rows out") ||
        warn(load, table, &beyond, "the close lies outside of low to high",
             "data.where can leave such rows out") ||
        warn(load, table, &zero, "open, high or low is 0 (a halt?)",
             "data.jump = 0.5 with data.jump_column naming that column leaves such rows out");
    return failed ? -1 : 0;
}

/* -999, -9999 and -99999 stand for "no value" where all other values lie far from them. */
static int look_for_sentinels(struct load *load, const struct table *table)
{
    static const double sentinels[] = {-999, -9999, -99999};
    char shown[CSV_SHOWN], what[CSV_SHOWN + 48];
    for (size_t c = 0; c < table->columns; c++)
        for (size_t s = 0; s < 3; s++) {
            struct odd odd = {0};
            double least = INFINITY;
            for (size_t row = 0; row < table->rows; row++) {
                double x = table->column[c][row];
                note(&odd, x == sentinels[s], row);
                least = x != sentinels[s] && x < least ? x : least;
            }
            if (!(least > sentinels[s] / 10))
                continue;
            snprintf(what, sizeof what, "column '%s' is %g", csv_show(table->name[c], shown),
                     sentinels[s]);
            if (warn(load, table, &odd, what,
                     "if that stands for no value, add it to data.missing_values as it is "
                     "written there"))
                return -1;
        }
    return 0;
}

/* The longest stretch of rows with one close. */
static int look_for_repeats(struct load *load, const struct table *table)
{
    enum { LONG = 100 };
    const double *close = price(table, AGGREGATE_LAST);
    size_t since = 0, longest = 0, at = 0;
    char where[TABLE_WHERE], text[TABLE_WHERE + 128];
    for (size_t row = 1; close && row < table->rows; row++) {
        since = close[row] == close[row - 1] ? since : row;
        if (row + 1 - since > longest) {
            longest = row + 1 - since;
            at = since;
        }
    }
    if (longest < LONG)
        return 0;
    snprintf(text, sizeof text,
             "%s: the price is the same in %zu rows from here on; data.where can leave rows "
             "without trade out",
             table_where(table, at, where), longest);
    return keep(load, "repeats", text);
}

int sanity_look(struct load *load, const struct table *table)
{
    return look_at_candles(load, table) || look_for_sentinels(load, table) ||
                   look_for_repeats(load, table)
               ? -1
               : 0;
}

void sanity_tell(struct load *load)
{
    for (size_t i = 0; i < load->oddities; i++) {
        struct oddity *odd = &load->oddity[i];
        if (odd->series == 1 && odd->text)
            log_warn(load->log, "%s", odd->text);
        else if (odd->text)
            log_warn(load->log, "%s; and so in %zu more series", odd->text, odd->series - 1);
        free(odd->kind);
        free(odd->text);
    }
    free(load->oddity);
    load->oddity = NULL;
    load->oddities = 0;
}
