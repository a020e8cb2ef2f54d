#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/option.h"
#include "util/clocale.h"

/* Column at which lines of markup are broken. */
#define WIDTH 72

/* What groff(7) would take for markup, or turn into typography that cannot be pasted. */
static const char *escape(char c)
{
    switch (c) {
    case '\\':
        return "\\e";
    case '-':
        return "\\-";
    case '\'':
        return "\\(aq";
    case '"':
        return "\\(dq";
    case '`':
        return "\\(ga";
    case '^':
        return "\\(ha";
    case '~':
        return "\\(ti";
    default:
        return NULL;
    }
}

static void put(const char *text, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++) {
        const char *escaped = escape(text[i]);
        if (escaped)
            fputs(escaped, out);
        else
            putc(text[i], out);
    }
}

/* A paragraph, broken at blanks; no line of it begins with the control character. */
static void put_paragraph(const char *text, FILE *out)
{
    for (size_t column = 0; *text; text += strspn(text, " ")) {
        size_t n = strcspn(text, " ");
        if (column && column + 1 + n > WIDTH) {
            putc('\n', out);
            column = 0;
        }
        if (column)
            putc(' ', out);
        else if (*text == '.')
            fputs("\\&", out);
        put(text, n, out);
        column += n + (column > 0);
        text += n;
    }
    putc('\n', out);
}

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
    if (fclose(stream)) {
        free(takes);
        return -1;
    }
    fprintf(out, ".TP\n.BR \"%s =", o->key);
    if (*o->def) {
        putc(' ', out);
        put(o->def, strlen(o->def), out);
        fputs("\"\n", out);
    } else
        fputs("\" \" (empty)\"\n", out);
    put_paragraph(o->help, out);
    put_paragraph(takes, out);
    free(takes);
    return 0;
}

int config_reference(FILE *out)
{
    int failed = 0;
    locale_t before = clocale_enter();
    for (size_t i = 0; i < option_section_count; i++) {
        fprintf(out, ".SS [%s]\n", option_sections[i].name);
        put_paragraph(option_sections[i].help, out);
        for (size_t k = 0; k < option_count; k++)
            if (!strcmp(options[k].section, option_sections[i].name))
                failed |= put_option(&options[k], out);
    }
    clocale_leave(before);
    return failed || ferror(out) ? -1 : 0;
}
