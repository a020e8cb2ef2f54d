/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/option.h"
#include "util/clocale.h"
#include "util/roff.h"

/*
 *   .TP
 *   .BR "seed = 42"
 *   Seed of the initial weights, the order of samples and dropout.
 *   Value: whole number, 0 to 4294967295.
 */
static int put_option(const struct option *o, FILE *out)
{
    char *takes = NULL;
    size_t size;
    FILE *stream = open_memstream(&takes, &size);
    if (!stream)
        return -1;
    fputs("Value: ", stream);
    option_describe(o, stream);
    putc('.', stream);
    if (o->resume == OPTION_FREE)
        fputs(" May differ when a run is resumed.", stream);
    if (fclose(stream)) {
        free(takes);
        return -1;
    }
    fprintf(out, ".TP\n.BR \"%s =", o->key);
    if (*o->def) {
        putc(' ', out);
        roff_text(o->def, strlen(o->def), out);
        fputs("\"\n", out);
    } else
        fputs("\" \" (empty)\"\n", out);
    roff_paragraph(o->help, out);
    roff_paragraph(takes, out);
    free(takes);
    return 0;
}

int config_reference(FILE *out)
{
    int failed = 0;
    locale_t before = clocale_enter();
    for (size_t i = 0; i < option_section_count; i++) {
        fprintf(out, ".SS [%s]\n", option_sections[i].name);
        roff_paragraph(option_sections[i].help, out);
        for (size_t k = 0; k < option_count; k++)
            if (!strcmp(options[k].section, option_sections[i].name))
                failed |= put_option(&options[k], out);
    }
    clocale_leave(before);
    return failed || ferror(out) ? -1 : 0;
}
