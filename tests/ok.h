/* SPDX-License-Identifier: MIT */
/*
 * ok: the error of calls in a unit test, and a call that must not fail.
 */
#ifndef TESTS_OK_H
#define TESTS_OK_H

#include "error.h"

static struct error err;

#define OK(call)                                 \
    do {                                         \
        if (call)                                \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

#endif
