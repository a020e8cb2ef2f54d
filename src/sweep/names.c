/* SPDX-License-Identifier: MIT */
#include "sweep/names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clocale.h"

#define LONGEST_VALUE 32 /* bytes of a value in a file name */
#define LONGEST_NAME 120 /* of all; behind it no other value begins */

char *names_number(double value, int digits)
{
    char text[40];
    locale_t before = clocale_enter();
    for (int n = digits < 6 ? digits : 6; n <= digits; n++) {
        snprintf(text, sizeof text, "%.*g", n, value);
        if (strtod(text, NULL) == value)
            break;
    }
    clocale_leave(before);
    return strdup(text);
}

/* The value of a key, to be read by people: not all digits of what was drawn. */
static char *value_text(const struct sweep_key *key, const double *point)
{
    double value = point[key->axis];
    if (key->choice)
        return strdup(key->choice[(size_t)value]);
    return names_number(key->is_whole ? floor(value + 0.5) : value, 4);
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr(".+-_", c) || (c & 0x80);
}

/* What a value is in a file name: of a path the last part, of other signs than letters "_". */
static void put_value(const char *text, FILE *out)
{
    const char *slash = strrchr(text, '/');
    if (slash && slash[1])
        text = slash + 1;
    size_t n = strlen(text);
    if (n > LONGEST_VALUE)
        for (n = LONGEST_VALUE; n && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--; /* not within a letter */
    if (!n)
        fputs("none", out);
    for (size_t i = 0; i < n; i++)
        if (is_letter(text[i]))
            putc(text[i], out);
        else if (!i || is_letter(text[i - 1]))
            putc('_', out);
}

/* Whether a key is told in names: the first of an axis that is more than one value. What tpe draws
 * is not known when the run gets its name. */
static int is_told(const struct sweep *s, const struct sweep_key *key)
{
    const struct axis *axis = &s->axis[key->axis];
    return s->base->sweep.sampler != SAMPLER_TPE && axis->name == key->name &&
           (axis->kind != AXIS_CHOICE || axis->choices > 1);
}

/* Whether a folder or a file of the sweep itself may be called so. */
static int is_reserved(const char *name)
{
    const char *ending = strrchr(name, '.');
    return !strcmp(name, "journal") || !strcmp(name, "claim") || !strncmp(name, "sweep.", 6) ||
           (ending && !strcmp(ending, ".png"));
}

char *names_of(const struct sweep *s, size_t number, const double *point)
{
    char *name = NULL;
    size_t size, told = 0;
    int failed = 0;
    FILE *out = open_memstream(&name, &size);
    if (out && s->numbered)
        fprintf(out, "%0*zu", snprintf(NULL, 0, "%zu", s->runs), number);
    for (size_t k = 0; out && !failed && k < s->keys; k++) {
        if (!is_told(s, &s->key[k]) || ftell(out) > LONGEST_NAME)
            continue;
        char *value = value_text(&s->key[k], point);
        failed = !value;
        if (told++ || s->numbered)
            putc('-', out);
        else if (value && *value && strchr(".-", *value))
            putc('_', out); /* no hidden file, no option of a command */
        put_value(value ? value : "", out);
        free(value);
    }
    if (out && !told && !s->numbered)
        fputs("run", out);
    if (out && !fflush(out) && is_reserved(name))
        putc('_', out);
    failed |= !out || fclose(out);
    if (!failed)
        return name;
    free(name);
    return NULL;
}

/* What a key is called: without its section, where no other key is called so. */
static const char *short_name(const struct sweep *s, size_t key)
{
    const char *name = strchr(s->key[key].name, '.') + 1;
    for (size_t k = 0; k < s->keys; k++)
        if (k != key && !strcmp(strchr(s->key[k].name, '.') + 1, name))
            return s->key[key].name;
    return name;
}

char *names_label(const struct sweep *s, const double *point)
{
    char *label = NULL;
    size_t size;
    int failed = 0;
    FILE *out = open_memstream(&label, &size);
    for (size_t k = 0; out && !failed && k < s->keys; k++) {
        char *value = value_text(&s->key[k], point);
        failed = !value;
        fprintf(out, "%s%s = %s", k ? ", " : "", short_name(s, k), value ? value : "");
        free(value);
    }
    failed |= !out || fclose(out);
    if (!failed)
        return label;
    free(label);
    return NULL;
}
