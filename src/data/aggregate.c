/* SPDX-License-Identifier: MIT */
#include "data/aggregate.h"

#include <math.h>
#include <string.h>

#include "data/csv.h"

static const char *const names[AGGREGATES] = {
    [AGGREGATE_LAST] = "last", [AGGREGATE_FIRST] = "first", [AGGREGATE_MAX] = "max",
    [AGGREGATE_MIN] = "min",   [AGGREGATE_SUM] = "sum",     [AGGREGATE_MEAN] = "mean"};

/* Names of columns that tell their rule: English, German, French, Spanish, Korean, Japanese, and
 * those of exchanges; the manual has the list. */
static const struct {
    enum aggregate rule;
    const char *name;
} known[] = {
    {AGGREGATE_FIRST, "open"},
    {AGGREGATE_FIRST, "<open>"},
    {AGGREGATE_FIRST, "open_price"},
    {AGGREGATE_FIRST, "opening_price"},
    {AGGREGATE_FIRST, "Er\xc3\xb6"
                      "ffnung"},
    {AGGREGATE_FIRST, "ouverture"},
    {AGGREGATE_FIRST, "apertura"},
    {AGGREGATE_FIRST, "\xec\x8b\x9c\xea\xb0\x80"},
    {AGGREGATE_FIRST, "\xe5\xa7\x8b\xe5\x80\xa4"},
    {AGGREGATE_MAX, "high"},
    {AGGREGATE_MAX, "<high>"},
    {AGGREGATE_MAX, "high_price"},
    {AGGREGATE_MAX, "Hoch"},
    {AGGREGATE_MAX, "haut"},
    {AGGREGATE_MAX, "m\xc3\xa1ximo"},
    {AGGREGATE_MAX, "\xea\xb3\xa0\xea\xb0\x80"},
    {AGGREGATE_MAX, "\xe9\xab\x98\xe5\x80\xa4"},
    {AGGREGATE_MIN, "low"},
    {AGGREGATE_MIN, "<low>"},
    {AGGREGATE_MIN, "low_price"},
    {AGGREGATE_MIN, "Tief"},
    {AGGREGATE_MIN, "bas"},
    {AGGREGATE_MIN, "m\xc3\xadnimo"},
    {AGGREGATE_MIN, "\xec\xa0\x80\xea\xb0\x80"},
    {AGGREGATE_MIN, "\xe5\xae\x89\xe5\x80\xa4"},
    {AGGREGATE_LAST, "close"},
    {AGGREGATE_LAST, "<close>"},
    {AGGREGATE_LAST, "close_price"},
    {AGGREGATE_LAST, "Close/Last"},
    {AGGREGATE_LAST, "Adj Close"},
    {AGGREGATE_LAST, "price"},
    {AGGREGATE_LAST, "trade_price"},
    {AGGREGATE_LAST, "Schluss"},
    {AGGREGATE_LAST, "cl\xc3\xb4ture"},
    {AGGREGATE_LAST, "cierre"},
    {AGGREGATE_LAST, "\xec\xa2\x85\xea\xb0\x80"},
    {AGGREGATE_LAST, "\xe7\xb5\x82\xe5\x80\xa4"},
    {AGGREGATE_SUM, "vol"},
    {AGGREGATE_SUM, "vol."},
    {AGGREGATE_SUM, "<vol>"},
    {AGGREGATE_SUM, "<tickvol>"},
    {AGGREGATE_SUM, "Volumen"},
    {AGGREGATE_SUM, "amount"},
    {AGGREGATE_SUM, "turnover"},
    {AGGREGATE_SUM, "count"},
    {AGGREGATE_SUM, "trades"},
    {AGGREGATE_SUM, "tradecount"},
    {AGGREGATE_SUM, "candle_acc_trade_price"},
    {AGGREGATE_SUM, "\xea\xb1\xb0\xeb\x9e\x98\xeb\x9f\x89"},
    {AGGREGATE_SUM, "\xea\xb1\xb0\xeb\x9e\x98\xeb\x8c\x80\xea\xb8\x88"},
    {AGGREGATE_SUM, "\xe5\x87\xba\xe6\x9d\xa5\xe9\xab\x98"},
};

/* "volume" as a word: Volume BTC, Volume_(BTC), quote_volume, candle_acc_trade_volume. */
static int is_volume(const char *column)
{
    static const char word[] = "volume";
    for (const char *p = column; *p; p++) {
        size_t n = 0;
        while (word[n] && (p[n] | 32) == word[n])
            n++;
        if (!word[n] && (p == column || !((p[-1] | 32) >= 'a' && (p[-1] | 32) <= 'z')) &&
            !((p[n] | 32) >= 'a' && (p[n] | 32) <= 'z'))
            return 1;
    }
    return 0;
}

static int find_known(const char *column, enum aggregate *rule)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (csv_same_name(known[i].name, column)) {
            *rule = known[i].rule;
            return 1;
        }
    *rule = is_volume(column) ? AGGREGATE_SUM : AGGREGATE_LAST;
    return *rule == AGGREGATE_SUM;
}

/* "Volume BTC sum" into the length of the name and the rule; -1 if it is not of this form. */
static int cut_item(const char *item, size_t *length, enum aggregate *rule)
{
    const char *blank = strrchr(item, ' ');
    if (!blank || blank == item)
        return -1;
    int i = 0;
    while (i < AGGREGATES && strcmp(blank + 1, names[i]))
        i++;
    while (blank > item && blank[-1] == ' ')
        blank--;
    *length = (size_t)(blank - item);
    *rule = (enum aggregate)i;
    return i < AGGREGATES && *length ? 0 : -1;
}

enum aggregate aggregate_of(const struct list *rules, const char *column)
{
    enum aggregate rule;
    size_t length;
    for (size_t i = 0; rules && i < rules->count; i++)
        if (!cut_item(rules->item[i], &length, &rule) && strlen(column) == length &&
            !strncmp(rules->item[i], column, length))
            return rule;
    find_known(column, &rule);
    return rule;
}

int aggregate_is_known(const char *column)
{
    enum aggregate rule;
    return find_known(column, &rule);
}

const char *aggregate_name(enum aggregate rule)
{
    return names[rule];
}

int aggregate_check(const struct list *rules, struct error *err)
{
    enum aggregate rule;
    size_t length;
    char shown[CSV_SHOWN];
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->item[i], "auto") && cut_item(rules->item[i], &length, &rule))
            return error_set(err, STATUS_USAGE,
                             "[data] aggregate: '%s' is neither auto nor a column and, behind a "
                             "blank, first, max, min, last, sum or mean",
                             csv_show(rules->item[i], shown));
    return 0;
}

double aggregate_merge(enum aggregate rule, const double *x, size_t count)
{
    double y = rule == AGGREGATE_LAST ? x[count - 1] : x[0];
    for (size_t i = 0; i < count; i++) {
        if (isnan(x[i]))
            return NAN;
        if (rule == AGGREGATE_MAX ? x[i] > y : rule == AGGREGATE_MIN && x[i] < y)
            y = x[i];
        if ((rule == AGGREGATE_SUM || rule == AGGREGATE_MEAN) && i)
            y += x[i];
    }
    return rule == AGGREGATE_MEAN ? y / (double)count : y;
}
