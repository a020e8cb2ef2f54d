/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes amount and complex: any bytes are a column, a field a line. A number that is plain must be
 * read as csv_parse_number() reads it, and a field that shows a decimal sign must be a number with
 * it.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/amount.h"
#include "data/complex.h"
#include "data/csv.h"
#include "fuzz.h"

static void one_field(struct amount_style *style, const char *text, uint64_t line)
{
    size_t length = strlen(text);
    double plain, point = 0, comma = 0;
    int by_point = !amount_parse(text, length, DECIMAL_POINT, &point);
    int by_comma = !amount_parse(text, length, DECIMAL_COMMA, &comma);
    unsigned signs = amount_signs(text, length);
    check(!by_point || isfinite(point));
    check(!by_comma || isfinite(comma));
    check(by_point || by_comma || signs & AMOUNT_IS_NONE);
    check(signs != AMOUNT_SHOWS_POINT || by_point);
    check(signs != AMOUNT_SHOWS_COMMA || by_comma);
    check(signs != AMOUNT_SHOWS_EITHER || (by_point && by_comma));
    double re, im;
    int complex = complex_parse(text, length, &re, &im);
    check(complex < 0 || (isfinite(re) && isfinite(im) && (complex || im == 0)));
    if (length < 300 && csv_parse_number(text, length, &plain) == CSV_NUMBER)
        check(by_point && !memcmp(&plain, &point, sizeof plain) && complex <= 0);
    amount_gather(style, text, length, line);
    amount_cause(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct amount_style style = {0};
    uint64_t line = 1;
    for (size_t from = 0, end; from < size; from = end + 1, line++) {
        for (end = from; end < size && bytes[end] && bytes[end] != '\n';)
            end++;
        char *text = strndup((const char *)bytes + from, end - from);
        check(text != NULL);
        one_field(&style, text, line);
        free(text);
    }
    int decimal = amount_decide(&style);
    check(decimal != DECIMAL_COMMA || style.comma);
    return 0;
}
