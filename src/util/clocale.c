/* SPDX-License-Identifier: MIT */
#include "util/clocale.h"

#include <pthread.h>

/* Made once and kept; 0 if the system has no memory for it, which leaves the locale as it is. */
static locale_t c_locale;

static void make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

locale_t clocale_enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
    return uselocale(c_locale);
}

void clocale_leave(locale_t before)
{
    uselocale(before);
}
