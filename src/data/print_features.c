/* SPDX-License-Identifier: MIT */
/* Run while seqtrain is built: writes the functions of seqtrain.ini(5) to standard output. */
#include <stdlib.h>
#include <string.h>

#include "data/features.h"
#include "util/roff.h"

/* "rsi(x,n=14)" with the names of its arguments in italics, the rest bold. */
static void put_signature(const char *text, FILE *out)
{
    size_t n = strcspn(text, "(") + 1;
    fputs("\\fB", out);
    roff_text(text, n, out);
    for (text += n; *text && *text != ')'; text += n) {
        n = strcspn(text, ",=)");
        fputs("\\fI", out);
        roff_text(text, n, out);
        text += n;
        n = strcspn(text, ",)") + (*text && text[strcspn(text, ",)")] == ',');
        fputs("\\fB", out);
        roff_text(text, n, out);
    }
    fputs(")\\fR\n", out);
}

int main(void)
{
    char *text = NULL, *rest;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return 1;
    feature_reference(stream);
    if (fclose(stream))
        return 1;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');
        *tab = 0;
        fputs(".TP\n", stdout);
        put_signature(line, stdout);
        roff_paragraph(tab + 1, stdout);
    }
    free(text);
    return fflush(stdout) ? 1 : 0;
}
