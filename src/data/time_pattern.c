/* SPDX-License-Identifier: MIT */
#include "data/time_pattern.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "data/time_text.h"

/* One letter of a pattern. */
static int pattern_letter(char letter, struct time_cursor *c, struct time_parts *p)
{
    int value, width;
    static const struct {
        char letter;
        int most;
        size_t offset;
    } numbers[] = {{'Y', 4, offsetof(struct time_parts, year)},
                   {'m', 2, offsetof(struct time_parts, month)},
                   {'d', 2, offsetof(struct time_parts, day)},
                   {'e', 2, offsetof(struct time_parts, day)},
                   {'H', 2, offsetof(struct time_parts, hour)},
                   {'I', 2, offsetof(struct time_parts, hour)},
                   {'M', 2, offsetof(struct time_parts, minute)},
                   {'S', 2, offsetof(struct time_parts, second)},
                   {'j', 3, offsetof(struct time_parts, day_of_year)}};
    if (letter == 'e')
        time_text_blanks(c);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (letter == numbers[i].letter) {
            int *to = (int *)(void *)((char *)p + numbers[i].offset);
            p->afternoon = letter == 'I' && p->afternoon < 0 ? 0 : p->afternoon;
            width = time_text_digits(c, numbers[i].most, to);
            /* %Y is no year of two digits, and no year has a day 0 */
            return !width || (letter == 'Y' && width != 4) || (letter == 'j' && !*to) ? -1 : 0;
        }
    switch (letter) {
    case 'y':
        width = time_text_digits(c, 2, &value);
        p->year = time_text_year(value, 2);
        return width == 2 ? 0 : -1;
    case 'b':
    case 'B':
    case 'h':
        return (p->month = time_text_month(c)) ? 0 : -1;
    case 'a':
    case 'A':
        return time_text_weekday(c) ? 0 : -1;
    case 'p':
        return time_text_half_day(c, &p->afternoon) ? 0 : -1;
    case 'f':
        return time_text_fraction(c, &p->milli) ? 0 : -1;
    case 'z':
    case 'Z':
        return time_text_zone(c, p) || !p->zoned ? -1 : 0;
    case 's':
        p->has_epoch = p->zoned = 1;
        for (p->epoch = 0, width = 0; time_text_digits(c, 1, &value); width++)
            p->epoch = width < 12 ? p->epoch * 10 + value : p->epoch;
        p->epoch *= 1000;
        return width && width < 12 ? 0 : -1;
    case '%':
        return time_text_take(c, '%') ? 0 : -1;
    default:
        return -1;
    }
}

/* Letters that stand for several. */
static const char *pattern_of(char letter)
{
    static const struct {
        char letter;
        const char *pattern;
    } of[] = {{'T', "%H:%M:%S"}, {'R', "%H:%M"}, {'F', "%Y-%m-%d"}, {'D', "%m/%d/%y"}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (of[i].letter == letter)
            return of[i].pattern;
    return NULL;
}

static int pattern_match(const char *pattern, struct time_cursor *c, struct time_parts *p)
{
    for (; *pattern; pattern++) {
        if (isspace((unsigned char)*pattern)) {
            time_text_blanks(c);
        } else if (*pattern != '%') {
            if (!time_text_take(c, *pattern))
                return -1;
        } else {
            const char *more = pattern_of(*++pattern);
            if (more ? pattern_match(more, c, p) : pattern_letter(*pattern, c, p))
                return -1;
        }
    }
    return 0;
}

int time_pattern_read(const char *pattern, const char *text, size_t length, struct time_parts *p)
{
    struct time_cursor c = {text, text + length};
    *p = (struct time_parts){.month = 1, .day = 1, .afternoon = -1};
    return pattern_match(pattern, &c, p) || c.at != c.end ? -1 : 0;
}

int time_pattern_check(const char *pattern, char *fault, size_t size)
{
    int year = 0;
    for (const char *p = pattern; (p = strchr(p, '%')); p++) {
        if (!*++p || !strchr("YmdeHIMSfpyjbBhaAzZsTRFD%", *p)) {
            snprintf(fault, size, "has %%%.1s, which is not known; see DATA FILES", p);
            return -1;
        }
        year |= strchr("YysFD", *p) != NULL;
    }
    if (!year) {
        snprintf(fault, size,
                 "has no year (%%Y, %%y, %%F or %%s): where date and time stand in two columns, "
                 "data.time names both");
        return -1;
    }
    return 0;
}
