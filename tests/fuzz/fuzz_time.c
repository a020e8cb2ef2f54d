/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes time_form: the first line is data.time_format, each other line a field of the column. A
 * form that was found out must read every field that was judged, or say that it is no instant.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/time_judge.h"
#include "fuzz.h"

#define MOST 64

static void read_fields(struct time_form *form, char *const *field, size_t count, int found)
{
    for (size_t i = 0; i < count; i++) {
        int64_t ms, later;
        enum time_fault fault = time_parse(form, field[i], strlen(field[i]), &ms, &later);
        check(!found || fault == TIME_READ || fault == TIME_BEYOND || fault == TIME_NO_ZONE ||
              fault == TIME_SKIPPED);
        check(fault || (ms <= later && later - ms < INT64_C(2) * 86400000));
        check(fault || (ms > -(INT64_C(1) << 50) && ms < INT64_C(1) << 50));
    }
}

static void judge_fields(struct time_form *form, char *const *field, size_t count)
{
    struct time_judge judge = {0};
    struct error err;
    for (size_t i = 0; i < count; i++)
        time_judge_row(&judge, field[i], strlen(field[i]), i + 2);
    if (!count || time_judge_end(&judge, "file", "t", form, &err)) {
        check(!count || (err.status == STATUS_INPUT && !strchr(err.text, '\n')));
        return;
    }
    check(form->format != TIME_NONE);
    read_fields(form, field, count, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = strndup((const char *)bytes, size), *field[MOST], *rest = text;
    struct time_form form = {0};
    char fault[TIME_FAULT];
    size_t count = 0;
    check(text != NULL);
    const char *format = strsep(&rest, "\n");
    while (rest && count < MOST)
        field[count++] = strsep(&rest, "\n");
    if (time_form_of(format, &form, fault))
        check(*fault && strlen(fault) < TIME_FAULT);
    else if (form.format)
        read_fields(&form, field, count, 0);
    else
        judge_fields(&form, field, count);
    time_form_fini(&form);
    free(text);
    return 0;
}
