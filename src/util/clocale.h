/* SPDX-License-Identifier: MIT */
/*
 * clocale: numbers are read and written with a decimal point whatever the user's locale. Between
 * clocale_enter() and clocale_leave() this thread is in the C locale.
 */
#ifndef UTIL_CLOCALE_H
#define UTIL_CLOCALE_H

#include <locale.h>

/* Returns what clocale_leave() takes to restore the thread's locale. */
locale_t clocale_enter(void);
void clocale_leave(locale_t before);

#endif
