/* SPDX-License-Identifier: MIT */
/*
 * Run while seqtrain is built, on the build machine: reads man/seqtrain.ini.5.in on standard input
 * and writes the page, with the keys in place of the line @KEYS@, the functions of features in
 * place of the line @FEATURES@, and the version in place of @VERSION@.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "data/features.h"
#include "util/roff.h"

/* "rsi(x,n=14)" with the names of its arguments in italics, the rest bold. */
static void put_signature(const char *text)
{
    size_t n = strcspn(text, "(") + 1;
    fputs("\\fB", stdout);
    roff_text(text, n, stdout);
    for (text += n; *text && *text != ')'; text += n) {
        n = strcspn(text, ",=)");
        fputs("\\fI", stdout);
        roff_text(text, n, stdout);
        text += n;
        n = strcspn(text, ",)") + (*text && text[strcspn(text, ",)")] == ',');
        fputs("\\fB", stdout);
        roff_text(text, n, stdout);
    }
    fputs(")\\fR\n", stdout);
}

static int put_features(void)
{
    char *text = NULL, *rest;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return -1;
    feature_reference(stream);
    if (fclose(stream)) {
        free(text);
        return -1;
    }
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(line, '\t');
        *tab = 0;
        fputs(".TP\n", stdout);
        put_signature(line);
        roff_paragraph(tab + 1, stdout);
    }
    free(text);
    return 0;
}

static void put_line(const char *line)
{
    static const char mark[] = "@VERSION@";
    const char *version = strstr(line, mark);
    if (version)
        printf("%.*s%s%s", (int)(version - line), line, PACKAGE_VERSION, version + sizeof mark - 1);
    else
        fputs(line, stdout);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    int failed = 0;
    while (getline(&line, &size, stdin) > 0) {
        if (!strcmp(line, "@KEYS@\n"))
            failed |= config_reference(stdout);
        else if (!strcmp(line, "@FEATURES@\n"))
            failed |= put_features();
        else
            put_line(line);
    }
    free(line);
    return failed || ferror(stdin) || fflush(stdout) || ferror(stdout) ? 1 : 0;
}
