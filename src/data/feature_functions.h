/* SPDX-License-Identifier: MIT */
/*
 * feature_functions: the registry of the functions that feature expressions are made of. One entry
 * says everything of a function: the parser, the warm-up, the messages and the manual page take it
 * from there.
 *
 * Internal to src/data; others see features.h.
 */
#ifndef DATA_FEATURE_FUNCTIONS_H
#define DATA_FEATURE_FUNCTIONS_H

#include <stddef.h>

/*
 * What a function makes of its arguments where these are shifted or turned round (mirror.h); OTHER:
 * it is not known.
 */
enum feature_nature {
    NATURE_OTHER,
    NATURE_LINEAR,      /* a mean, or one row: of a constant it is the constant; x + y */
    NATURE_SUM,         /* of several rows */
    NATURE_SUBTRACTION, /* x - y */
    NATURE_EXTREME,     /* follows the level, but turned round it is another function */
    NATURE_LOGARITHM,
    NATURE_DIFFERENCE, /* of x from what x was; turns round with x */
    NATURE_RATIO,      /* the same by a ratio, of levels */
    NATURE_SPREAD,     /* how far values lie apart */
    NATURE_SHARE,      /* the same by a ratio, of levels */
    NATURE_PLACE,      /* of x among what x was, between two bounds about `centre` */
    NATURE_RANK,
    NATURE_EVEN, /* of -x what it is of x */
    NATURE_ODD,  /* of -x the negative */
    NATURE_BOUND,
    NATURE_PRODUCT,
    NATURE_QUOTIENT,
    NATURE_FLOW, /* the second argument, signed by the first one's moves */
};

struct feature_function {
    const char *name;
    /*
     * "x,n=14,k=2": first the series, then the numbers, of which the last may have a default. The
     * names that stand for a number are listed in features.c. A function without a series gets the
     * time of the rows as x[0], in ms since 1970 UTC.
     */
    const char *arguments;
    size_t (*lag)(const double *number); /* rows before its first value; NULL: none */
    /*
     * One of the two: `each` gives a row's value from the arguments' values in that row; `compute`
     * gets the arguments from the first row on where all of them have a value, and writes
     * out[rows], of which the first lag(number) < rows are not looked at. Only x[.][0 .. t] may
     * enter out[t]. NaN says that a row has no value. 0 or -1 (memory).
     */
    double (*each)(const double *x);
    int (*compute)(const double *const *x, size_t rows, const double *number, double *out);
    const char *needs; /* what a row without a value lacks; NULL: "smaller values" */
    const char *help;
    enum feature_nature nature;
    double centre; /* of NATURE_PLACE */
};

extern const struct feature_function feature_functions[];
extern const size_t feature_function_count;

#endif
