/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes calendar: two bytes are the step from row to row, in units that the first byte chooses.
 * What is due next must lie behind, for as long as the calendar says anything.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/calendar.h"
#include "fuzz.h"

#define MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int64_t units[] = {1, 60000, 900000, 3600000, 86400000};
    static int64_t time[MOST];
    int64_t unit = units[size ? bytes[0] % 5 : 0];
    size_t rows = 1;
    time[0] = size ? (bytes[0] - 128) * INT64_C(40000000000) : 0;
    for (size_t i = 1; i + 1 < size && rows < MOST; i += 2, rows++)
        time[rows] = time[rows - 1] + (1 + bytes[i] + 256 * (bytes[i + 1] % 2)) * unit;
    struct calendar calendar;
    char text[CALENDAR_TEXT];
    check(!calendar_find(&calendar, time, rows, NULL));
    check(*calendar_text(&calendar, text) != 0);
    int64_t at = time[rows - 1], next;
    for (int i = 0; i < 40 && !calendar_next(&calendar, at, &next); i++, at = next)
        check(calendar.kind != CALENDAR_NONE && next > at);
    calendar_fini(&calendar);
    return 0;
}
