/* SPDX-License-Identifier: MIT */
#include "task/column.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int column_is_long(double x)
{
    double size = fabs(x);
    return isfinite(x) && size > 0 && (size < 1e-5 || size >= 1e9);
}

struct column_figure column_figure(double x, int scientific)
{
    struct column_figure f;
    double digits = fabs(x) > 0 ? floor(log10(fabs(x))) : 0;
    if (!isfinite(x))
        snprintf(f.text, sizeof f.text, "-");
    else if (scientific)
        snprintf(f.text, sizeof f.text, "%.3e", x);
    else
        snprintf(f.text, sizeof f.text, "%.*f", (int)fmin(7, fmax(0, 3 - digits)), x);
    return f;
}

void column_name(const char *name, int width)
{
    if (strlen(name) > (size_t)width)
        printf("%s\n%*s", name, width, "");
    else
        printf("%-*s", width, name);
}
