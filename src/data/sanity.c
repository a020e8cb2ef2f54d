/* SPDX-License-Identifier: MIT */
/* What is hardly right about the values of a file: told, with the first row of each kind. */
#include <math.h>

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

static void warn(const struct load *load, const struct table *table, const struct odd *odd,
                 const char *what, const char *remedy)
{
    char where[TABLE_WHERE];
    if (odd->count)
        log_warn(load->log, "%s: %s in %zu row%s, first here; %s",
                 table_where(table, odd->first, where), what, odd->count, odd->count > 1 ? "s" : "",
                 remedy);
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

static void look_at_candles(const struct load *load, const struct table *table)
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
    warn(load, table, &crossed, "the high is below the low", "data.where can leave such rows out");
    warn(load, table, &beyond, "the close lies outside of low to high",
         "data.where can leave such rows out");
    warn(load, table, &zero, "open, high or low is 0 (a halt?)",
         "data.jump = 0.5 with data.jump_column naming that column leaves such rows out");
}

/* -999, -9999 and -99999 stand for "no value" where all other values lie far from them. */
static void look_for_sentinels(const struct load *load, const struct table *table)
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
            warn(load, table, &odd, what,
                 "if that stands for no value, add it to data.missing_values as it is written "
                 "there");
        }
}

/* The longest stretch of rows with one close. */
static void look_for_repeats(const struct load *load, const struct table *table)
{
    enum { LONG = 100 };
    const double *close = price(table, AGGREGATE_LAST);
    size_t since = 0, longest = 0, at = 0;
    char where[TABLE_WHERE];
    for (size_t row = 1; close && row < table->rows; row++) {
        since = close[row] == close[row - 1] ? since : row;
        if (row + 1 - since > longest) {
            longest = row + 1 - since;
            at = since;
        }
    }
    if (longest >= LONG)
        log_warn(load->log,
                 "%s: the price is the same in %zu rows from here on; data.where can leave rows "
                 "without trade out",
                 table_where(table, at, where), longest);
}

void sanity_look(const struct load *load, const struct table *table)
{
    look_at_candles(load, table);
    look_for_sentinels(load, table);
    look_for_repeats(load, table);
}
