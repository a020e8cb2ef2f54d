/* SPDX-License-Identifier: MIT */
/* Calendars against what pandas makes of the same dates (tests/golden/calendar.txt, written by
 * tests/peer/make_calendar_golden.py), and rows that follow none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/calendar.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MOST 2000
#define AHEAD 6

/* A line of the file. */
struct golden {
    char name[64], zone[32];
    int64_t time[MOST], next[AHEAD];
    size_t rows;
};

static void parse(struct golden *g, char *line)
{
    long long first;
    int at = 0, used = 0, count;
    long step;
    if (sscanf(line, "%63[^|]|%31[^|]|%lld|%n", g->name, g->zone, &first, &at) != 3)
        fail_msg("%s", line);
    g->time[0] = first * MINUTE;
    g->rows = 1;
    for (; line[at] && line[at] != '|'; at += used) {
        if (sscanf(line + at, "%dx%ld%n", &count, &step, &used) != 2)
            fail_msg("%s: %s", g->name, line + at);
        for (; count; count--, g->rows++)
            g->time[g->rows] = g->time[g->rows - 1] + step * MINUTE;
    }
    at++;
    for (int i = 0; i < AHEAD; i++, at += used) {
        if (sscanf(line + at, "%lld%n", &first, &used) != 1)
            fail_msg("%s: %s", g->name, line + at);
        g->next[i] = first * MINUTE;
    }
}

static void as_pandas(void **state)
{
    (void)state;
    static struct golden g;
    char path[4096], line[8192], text[CALENDAR_TEXT];
    const char *top = getenv("srcdir");
    int cases = 0;
    snprintf(path, sizeof path, "%s/tests/golden/calendar.txt", top ? top : ".");
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    for (; fgets(line, sizeof line, in); cases++) {
        parse(&g, line);
        struct error err;
        struct zone *zone = strcmp(g.zone, "UTC") ? zone_open(g.zone, &err) : NULL;
        struct calendar c;
        assert_int_equal(calendar_find(&c, g.time, g.rows, zone), 0);
        int64_t at = g.time[g.rows - 1];
        for (int i = 0; i < AHEAD; i++)
            if (calendar_next(&c, at, &at) || at != g.next[i])
                fail_msg("%s: row %d ahead is at %lld, not %lld (%s)", g.name, i + 1, (long long)at,
                         (long long)g.next[i], calendar_text(&c, text));
        calendar_fini(&c);
        zone_free(zone);
    }
    fclose(in);
    assert_int_equal(cases, 30);
}

/* What calendar_text() says of these rows. */
static void says(const int64_t *time, size_t rows, const char *text)
{
    struct calendar c;
    char said[CALENDAR_TEXT];
    assert_int_equal(calendar_find(&c, time, rows, NULL), 0);
    assert_string_equal(calendar_text(&c, said), text);
    calendar_fini(&c);
}

/* Times of day as a sensor has them that reports when something happens: 16807 is Park and Miller's
 * generator. */
static void no_calendar(void **state)
{
    (void)state;
    int64_t time[100] = {0}, next;
    struct calendar c;
    for (size_t i = 1, x = 1; i < 100; i++, x = x * 16807 % 2147483647)
        time[i] = time[i - 1] + (int64_t)(x % 500) * MINUTE;
    assert_int_equal(calendar_find(&c, time, 100, NULL), 0);
    assert_int_equal(c.kind, CALENDAR_NONE);
    assert_int_equal(calendar_next(&c, time[99], &next), -1);
    says(time, 100, "at no times that are known");
    says(time, 1, "at no times that are known");
    says(time, 0, "at no times that are known");
}

/* Three quarters of the steps are 1 minute, or one fewer. */
static void three_quarters(void **state)
{
    (void)state;
    int64_t time[41] = {0};
    for (int i = 0; i < 40; i++)
        time[i + 1] = time[i] + (i % 4 ? 1 : 2 + i) * MINUTE;
    says(time, 41, "every 1m");
    time[40] += MINUTE;
    says(time, 41, "at no times that are known");
}

/* Tuesday to Thursday, 9 to 17 o'clock: nobody knows whether there will be rows on Friday. */
static void an_unknown_day(void **state)
{
    (void)state;
    int64_t time[27], tuesday = INT64_C(19724) * DAY, next; /* 2024-01-02 */
    struct calendar c;
    for (size_t i = 0; i < 27; i++)
        time[i] = tuesday + (int64_t)(i / 9) * DAY + (int64_t)(9 + i % 9) * HOUR;
    assert_int_equal(calendar_find(&c, time, 27, NULL), 0);
    assert_int_equal(c.kind, CALENDAR_WEEK);
    assert_int_equal(calendar_next(&c, time[25], &next), 0);
    assert_int_equal(next, time[26]);
    assert_int_equal(calendar_next(&c, time[26], &next), -1);
    calendar_fini(&c);
}

/* Only the last 60 days count: before them there were rows on Saturdays as well. */
static void the_last_days(void **state)
{
    (void)state;
    int64_t time[400], monday = INT64_C(19723) * DAY;
    size_t rows = 0;
    for (int day = 0; day < 400; day++)
        if (day % 7 < (day < 280 ? 6 : 5))
            time[rows++] = monday + day * DAY;
    says(time, rows, "5 times a week, from Monday 00:00 to Friday 00:00");
}

static void words(void **state)
{
    (void)state;
    /* 2023-10-31, 11-30, 12-31, 2024-01-31, 02-29, 03-31; their first days are 31, 30 ... days
       before */
    const int64_t ends[] = {19661 * DAY, 19691 * DAY, 19722 * DAY,
                            19753 * DAY, 19782 * DAY, 19813 * DAY};
    const int64_t years[] = {18262 * DAY, 18628 * DAY, 18993 * DAY,
                             19358 * DAY, 19723 * DAY, 20089 * DAY};
    const int64_t hours[] = {0, HOUR, 2 * HOUR};
    says(ends, 6, "every month on day 31");
    says(years, 6, "every 12 months on day 1");
    says(hours, 3, "every 1h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_pandas),      cmocka_unit_test(no_calendar),
        cmocka_unit_test(three_quarters), cmocka_unit_test(an_unknown_day),
        cmocka_unit_test(the_last_days),  cmocka_unit_test(words),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
