/* SPDX-License-Identifier: MIT */
#include "data/amount.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"

#define CORE_MOST 400 /* bytes of a number without its decoration */

/* A text without decoration: digits, '.', ',', one sign for groups and an exponent. */
struct core {
    char text[CORE_MOST];
    size_t length;
    int negative, power; /* of ten: -2 for per cent, 3 for K */
};

struct piece {
    const char *at, *end;
};

/* --- decoration */

static int begins(const struct piece *p, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(p->end - p->at) >= n && !memcmp(p->at, word, n);
}

static int ends_in(const struct piece *p, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(p->end - p->at) >= n && !memcmp(p->end - n, word, n);
}

static int take_first(struct piece *p, const char *word)
{
    int there = begins(p, word);
    p->at += there ? strlen(word) : 0;
    return there;
}

static int take_last(struct piece *p, const char *word)
{
    int there = ends_in(p, word);
    p->end -= there ? strlen(word) : 0;
    return there;
}

/* A blank, a no-break space (U+00A0), a figure, thin or narrow no-break space (U+2007, 2009, 202F)
 */
static const char *const blanks[] = {
    " ", "\t", "\xc2\xa0", "\xe2\x80\x87", "\xe2\x80\x89", "\xe2\x80\xaf"};
#define BLANKS (sizeof blanks / sizeof *blanks)

/* $ EUR GBP JPY KRW INR RUB, bitcoin */
static const char *const currencies[] = {"$",
                                         "\xe2\x82\xac",
                                         "\xc2\xa3",
                                         "\xc2\xa5",
                                         "\xe2\x82\xa9",
                                         "\xe2\x82\xb9",
                                         "\xe2\x82\xbd",
                                         "\xe2\x82\xbf"};
#define CURRENCIES (sizeof currencies / sizeof *currencies)

static void trim(struct piece *p)
{
    for (size_t i = 0; i < BLANKS;)
        i = take_first(p, blanks[i]) || take_last(p, blanks[i]) ? 0 : i + 1;
}

static int take_currency(struct piece *p)
{
    for (size_t i = 0; i < CURRENCIES; i++)
        if (take_first(p, currencies[i]) || take_last(p, currencies[i])) {
            trim(p);
            return 1;
        }
    return 0;
}

/* '-', U+2212 or '+' in front */
static int take_sign(struct piece *p, int *negative)
{
    int minus = take_first(p, "-") || take_first(p, "\xe2\x88\x92");
    *negative ^= minus;
    return minus || take_first(p, "+");
}

static int take_unit(struct piece *p, int *power)
{
    static const struct {
        const char *name;
        int power;
    } units[] = {{"%", -2}, {"K", 3}, {"k", 3}, {"M", 6}, {"B", 9}, {"T", 12}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (take_last(p, units[i].name)) {
            *power = units[i].power;
            trim(p);
            return 1;
        }
    return 0;
}

/* Takes off what may stand around the digits: -1 if something stands there twice. */
static int undress(struct piece *p, struct core *core)
{
    trim(p);
    if (begins(p, "=\"") && p->end - p->at >= 3 && take_last(p, "\"")) { /* a spreadsheet's text */
        p->at += 2;
        trim(p);
    }
    int brackets = begins(p, "(") && ends_in(p, ")");
    if (brackets) {
        core->negative = 1;
        p->at++;
        p->end--;
        trim(p);
    }
    int sign = take_sign(p, &core->negative), money = take_currency(p);
    trim(p);
    if (!sign)
        sign = take_sign(p, &core->negative);
    int unit = take_unit(p, &core->power);
    if (!money)
        money = take_currency(p);
    trim(p);
    return (brackets && sign) || (unit && money && core->power < 0) ? -1 : 0;
}

/* --- digits */

static int digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Copies the digits and their signs; blanks and apostrophes between digits become '\''. */
static int copy(struct piece p, struct core *core)
{
    char *to = core->text;
    while (p.at < p.end) {
        int gap = take_first(&p, "'") || take_first(&p, "\xe2\x80\x99");
        for (size_t i = 0; i < BLANKS && !gap; i++)
            gap = take_first(&p, blanks[i]);
        if (!gap && !digit(*p.at) && !strchr(".,eEdD+-", *p.at))
            return -1;
        if (!gap && !*p.at)
            return -1;
        if (to == core->text + CORE_MOST - 8)
            return -1;
        *to++ = gap ? '\'' : *p.at == 'd' || *p.at == 'D' ? 'e' : *p.at;
        p.at += !gap;
    }
    *to = 0;
    core->length = (size_t)(to - core->text);
    return core->length ? 0 : -1;
}

static int core_of(const char *text, size_t length, struct core *core)
{
    struct piece p = {text, text + length};
    *core = (struct core){0};
    return undress(&p, core) || copy(p, core) ? -1 : 0;
}

/* The length of the mantissa, and how many points, commas and other groups are in it. */
static size_t look(const struct core *core, size_t *points, size_t *commas, size_t *groups)
{
    size_t n = strcspn(core->text, "eE");
    *points = *commas = *groups = 0;
    for (size_t i = 0; i < n; i++) {
        *points += core->text[i] == '.';
        *commas += core->text[i] == ',';
        *groups += core->text[i] == '\'';
    }
    return n;
}

/* Copies the mantissa without its groups, with '.' as decimal sign; -1 if groups are not of three,
 * or 0 is the first of their digits: 0.500 is no thousand. */
static int plain(const struct core *core, size_t n, char sign, char *to)
{
    const char *p = core->text, *end = p + n;
    char group = 0;
    size_t digits = 0;
    int after_group = 0;
    for (; p < end && *p != sign; p++) {
        if (digit(*p)) {
            *to++ = *p;
            digits++;
            continue;
        }
        if ((*p != '\'' && *p != '.' && *p != ',') || (group && *p != group) || !digits ||
            digits > 3 || (after_group && digits != 3) || core->text[0] == '0')
            return -1;
        group = *p;
        after_group = 1;
        digits = 0;
    }
    if (after_group && digits != 3)
        return -1;
    size_t whole = digits;
    if (p < end) {
        *to++ = '.';
        for (p++, digits = 0; p < end; p++, digits++) {
            if (!digit(*p))
                return -1;
            *to++ = *p;
        }
        if (!whole && !digits)
            return -1;
    } else if (!whole) {
        return -1;
    }
    *to = 0;
    return 0;
}

/* The exponent's text, behind the mantissa, as an integer. */
static int exponent_of(const char *at, int *power)
{
    if (!*at)
        return 0;
    char *end;
    long value = strtol(at + 1, &end, 10);
    if (!digit(at[1]) && !((at[1] == '-' || at[1] == '+') && digit(at[2])))
        return -1;
    if (*end)
        return -1;
    value = value > 9999 ? 9999 : value < -9999 ? -9999 : value;
    *power += (int)value;
    return 0;
}

int amount_parse(const char *text, size_t length, int decimal, double *x)
{
    struct core core;
    size_t points, commas, groups;
    char number[CORE_MOST + 16];
    if (decimal == DECIMAL_POINT && csv_parse_number(text, length, x) == CSV_NUMBER)
        return 0; /* nothing stands around it, as in nearly all files */
    if (core_of(text, length, &core))
        return -1;
    size_t n = look(&core, &points, &commas, &groups);
    if (plain(&core, n, decimal == DECIMAL_COMMA ? ',' : '.', number) ||
        exponent_of(core.text + n, &core.power))
        return -1;
    if (core.power) { /* one rounding: 408.81K is 408.81e3 */
        size_t used = strlen(number);
        snprintf(number + used, sizeof number - used, "e%d", core.power);
    }
    if (csv_parse_number(number, strlen(number), x) != CSV_NUMBER)
        return -1;
    *x = core.negative ? -*x : *x;
    return 0;
}

/* Digits between the comma (or point) at `at` and the end of the mantissa, and before it. */
static unsigned one_comma(const struct core *core, size_t n)
{
    size_t before = strcspn(core->text, ","), behind = n - before - 1;
    return behind == 3 && before >= 1 && before <= 3 && core->text[0] != '0' ? AMOUNT_SHOWS_EITHER
                                                                             : AMOUNT_SHOWS_COMMA;
}

unsigned amount_signs(const char *text, size_t length)
{
    struct core core;
    size_t points, commas, groups;
    double x;
    if (core_of(text, length, &core))
        return AMOUNT_IS_NONE;
    size_t n = look(&core, &points, &commas, &groups);
    int by_point = !amount_parse(text, length, DECIMAL_POINT, &x);
    int by_comma = !amount_parse(text, length, DECIMAL_COMMA, &x);
    if (!by_point && !by_comma)
        return AMOUNT_IS_NONE;
    if (by_point != by_comma && (points > 1 || commas > 1 || (points && commas)))
        return by_point ? AMOUNT_SHOWS_POINT : AMOUNT_SHOWS_COMMA;
    if (commas == 1)
        return groups ? AMOUNT_SHOWS_COMMA : one_comma(&core, n);
    return points == 1 ? by_comma ? AMOUNT_IS_DOTTED : AMOUNT_SHOWS_POINT : 0;
}

int amount_is_number(const char *text, size_t length)
{
    double x;
    return csv_parse_number(text, length, &x) == CSV_NUMBER ||
           !(amount_signs(text, length) & AMOUNT_IS_NONE);
}

void amount_gather(struct amount_style *style, const char *text, size_t length, uint64_t line)
{
    struct core core;
    unsigned signs = amount_signs(text, length);
    if (signs & AMOUNT_IS_NONE || core_of(text, length, &core))
        return;
    style->percent |= core.power < 0;
    style->unit |= core.power > 0;
    style->brackets |= memchr(text, '(', length) != NULL;
    if (signs == AMOUNT_SHOWS_POINT && !style->point)
        style->point = line;
    if (signs == AMOUNT_SHOWS_COMMA && !style->comma)
        style->comma = line;
    if (signs == AMOUNT_SHOWS_EITHER && !style->either)
        style->either = line;
    if (signs == AMOUNT_IS_DOTTED && !style->dotted)
        style->dotted = line;
}

int amount_decide(const struct amount_style *style)
{
    if (style->comma)
        return style->point ? DECIMAL_AUTO : DECIMAL_COMMA;
    return style->either && !style->point ? DECIMAL_AUTO : DECIMAL_POINT;
}

const char *amount_cause(const char *text)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return " (hexadecimal numbers are not read)";
    size_t digits = 0, others = 0;
    int comma = 0;
    for (const char *p = text; *p; p++) {
        comma |= *p == ',';
        digits += digit(*p) != 0;
        others += !digit(*p) && !strchr(".,+- '", *p);
    }
    if (digits && !others && comma)
        return " (a thousands separator, or a decimal comma? see data.decimal)";
    if (digits)
        return others ? " (letters or signs around a number?)" : "";
    return "; if it stands for no value, add it to data.missing_values";
}
