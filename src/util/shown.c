/* SPDX-License-Identifier: MIT */
#include "util/shown.h"

#include <stdio.h>

struct shown show_name(const char *name)
{
    struct shown shown;
    snprintf(shown.text, sizeof shown.text, "%s", name);
    for (char *p = shown.text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return shown;
}
