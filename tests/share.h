/* SPDX-License-Identifier: MIT */
/*
 * share: a part of a program's tests, where all of them take too long: with SEQTRAIN_TEST_SHARE=2/8
 * those whose number, from 0, leaves 2 when it is divided by 8; else all. cmocka.h is included
 * before.
 */
#ifndef TESTS_SHARE_H
#define TESTS_SHARE_H

#include <stdio.h>
#include <stdlib.h>

/* Closes the ranks of `count` tests; how many there are now. */
static size_t share_of(struct CMUnitTest *tests, size_t count)
{
    const char *share = getenv("SEQTRAIN_TEST_SHARE");
    unsigned number, of;
    size_t kept = 0;
    if (!share || sscanf(share, "%u/%u", &number, &of) != 2 || number >= of)
        return count;
    for (size_t i = number; i < count; i += of)
        tests[kept++] = tests[i];
    for (size_t i = kept; i < count; i++)
        tests[i] = (struct CMUnitTest){0}; /* what is left empty is no test */
    return kept;
}

#endif
