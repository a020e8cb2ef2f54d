/* SPDX-License-Identifier: MIT */
/*
 * amount: numbers as people, spreadsheets and data providers write them.
 *
 *   1234.5   1,234.5   1.234,5   1 234,5   1'234.5   $1,234.50   (1.5)   5%   408.81K
 * ="1.5"   1.5D3
 *
 * Whether a point or a comma is the decimal sign is a property of a column: amount_signs() says
 * what one field shows, struct amount_style gathers it, amount_decide() decides. It owns nothing.
 */
#ifndef DATA_AMOUNT_H
#define DATA_AMOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* What a field shows of its column's decimal sign. */
enum {
    AMOUNT_SHOWS_POINT = 1,  /* 1,234.5  1,234,567  12.5 */
    AMOUNT_SHOWS_COMMA = 2,  /* 1.234,5  1.234.567  0,5  1,50 */
    AMOUNT_SHOWS_EITHER = 4, /* 408,812: thousands or a fraction */
    AMOUNT_IS_NONE = 8,      /* no number at all */
    AMOUNT_IS_DOTTED = 16,   /* 40.206: by a comma it would be a whole number of thousands */
};

/* What the fields of a column have shown so far; zeroed at first. */
struct amount_style {
    uint64_t point, comma, either, dotted; /* lines of the first field that shows it; 0: none */
    int percent, unit, brackets;           /* some field is "5%", "5K", "(5)" */
};

/* Whether a text is a number, plain or in one of these forms. */
int amount_is_number(const char *text, size_t length);

unsigned amount_signs(const char *text, size_t length);
void amount_gather(struct amount_style *style, const char *text, size_t length, uint64_t line);

/* The decimal sign of the column; DECIMAL_AUTO if it contradicts itself or shows too little. */
int amount_decide(const struct amount_style *style);

/* The number; -1 if the text is none with this decimal sign, or beyond the range of a double.
 * text[length] is NUL. */
int amount_parse(const char *text, size_t length, int decimal, double *x);

/* What is probably meant by a text that amount_parse() refuses: " (hexadecimal?)", "" if unknown.
 */
const char *amount_cause(const char *text);

#endif
