/* SPDX-License-Identifier: MIT */
#include "data/encoded_tell.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/encoded_index.h"
#include "util/file.h"
#include "util/shown.h"

#define KEY_MOST ((size_t)1 << 16)
#define VALUE_MOST 16 /* longer values are not shown */

enum { TOLD = 3 };

/* A cache of another key. */
struct other {
    const char *name;
    size_t clips, differs; /* lines of the key that differ */
    char *what;            /* their names */
};

/* --- texts of keys */

/* The value of a line "NAME = VALUE" of a text, with its length; NULL: there is none. */
static const char *value_of(const char *text, const char *name, size_t length, size_t *size)
{
    for (const char *line = text; *line;) {
        const size_t n = strcspn(line, "\n");
        if (n >= length + 3 && !memcmp(line, name, length) && !memcmp(line + length, " = ", 3)) {
            *size = n - length - 3;
            return line + length + 3;
        }
        line += n + (line[n] == '\n');
    }
    return NULL;
}

static struct shown shown(const char *text, size_t size)
{
    char copy[sizeof((struct shown *)0)->text];
    snprintf(copy, sizeof copy, "%.*s", (int)(size < sizeof copy ? size : sizeof copy - 1), text);
    return show_name(copy);
}

/* "NAME (THEIRS, not OURS)" for a line of our text where theirs has another value. */
static void compare(const char *theirs, const char *line, size_t n, struct other *to, FILE *out)
{
    size_t size = 0;
    const char *sign = memmem(line, n, " = ", 3);
    const size_t length = sign ? (size_t)(sign - line) : n, ours = sign ? n - length - 3 : 0;
    const char *value = sign ? value_of(theirs, line, length, &size) : NULL;
    if (!sign || (value && size == ours && !memcmp(value, sign + 3, ours)))
        return;
    fprintf(out, "%s%s", to->differs++ ? ", " : "", shown(line, length).text);
    if (value && size <= VALUE_MOST && ours <= VALUE_MOST)
        fprintf(out, " (%s, not %s)", shown(value, size).text, shown(sign + 3, ours).text);
}

/* What differs, as text; -1 without memory. */
static int differ(const char *theirs, const char *ours, struct other *to)
{
    size_t size;
    FILE *out = open_memstream(&to->what, &size);
    if (!out)
        return -1;
    for (const char *line = ours; *line;) {
        const size_t n = strcspn(line, "\n");
        compare(theirs, line, n, to, out);
        line += n + (line[n] == '\n');
    }
    const int failed = ferror(out);
    return fclose(out) || failed ? -1 : 0;
}

/* --- the other caches */

/* A file of the cache NAME; the caller frees. */
static char *path_in(const struct encoded_found *f, const char *name, const char *file)
{
    char *path = file_join(f->folder, name), *whole = path ? file_join(path, file) : NULL;
    free(path);
    return whole;
}

/* As many as its index has room for. */
static size_t count_clips(const struct encoded_found *f, const char *name)
{
    struct stat state;
    char *path = path_in(f, name, "index");
    const int there = path && !stat(path, &state) && S_ISREG(state.st_mode);
    free(path);
    return there && state.st_size > ENCODED_ENTRY ? (size_t)(state.st_size / ENCODED_ENTRY) - 1 : 0;
}

/* -1: it is no cache with clips, or cannot be read. */
static int look_at(const struct encoded_found *f, const char *name, struct other *to)
{
    struct error ignored;
    *to = (struct other){.name = name, .clips = count_clips(f, name)};
    char *path = to->clips ? path_in(f, name, "key.txt") : NULL;
    char *text = path ? file_read(path, KEY_MOST, NULL, &ignored) : NULL;
    int failed = !text || differ(text, f->text, to);
    free(text);
    free(path);
    if (failed)
        free(to->what);
    return failed ? -1 : 0;
}

static int is_key(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return strlen(name) == CONTENT_TEXT - 1 && strspn(name, "0123456789abcdef") == CONTENT_TEXT - 1;
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
    return strcmp((*one)->d_name, (*other)->d_name);
}

static int by_difference(const void *one, const void *other)
{
    const struct other *a = one, *b = other;
    return a->differs != b->differs ? (a->differs > b->differs) - (a->differs < b->differs)
                                    : strcmp(a->name, b->name);
}

static void say_others(const struct encoded_found *f, struct other *other, size_t count,
                       struct log *log)
{
    qsort(other, count, sizeof *other, by_difference);
    for (size_t i = 0; i < count; i++) {
        if (i < TOLD)
            log_say(log, "encode: %s/%s: %zu clip%s encoded with other settings, left alone: %s",
                    f->folder, other[i].name, other[i].clips,
                    other[i].clips == 1 ? " was" : "s were",
                    other[i].differs ? other[i].what : "its key.txt is damaged");
        free(other[i].what);
    }
    if (count > TOLD)
        log_say(log, "encode: %s holds %zu more caches", f->folder, count - TOLD);
}

static void tell_others(const struct encoded_found *f, struct log *log)
{
    struct dirent **entry;
    const int entries = scandir(f->folder, &entry, is_key, by_name);
    size_t count = 0;
    if (entries < 0)
        return;
    struct other *other = malloc(((size_t)entries + 1) * sizeof *other);
    for (int i = 0; other && i < entries; i++)
        count += strcmp(entry[i]->d_name, f->name) && !look_at(f, entry[i]->d_name, &other[count]);
    if (other)
        say_others(f, other, count, log);
    for (int i = 0; i < entries; i++)
        free(entry[i]);
    free(entry);
    free(other);
}

void encoded_tell(const struct encoded *e, struct log *log)
{
    const struct encoded_found f = encoded_found(e);
    if (f.cut)
        log_say(log, "encode: %s: what an interrupted run had not finished is encoded again",
                f.path);
    if (f.damaged)
        log_warn(log, "%s/index: %zu damaged entr%s: what %s is encoded again", f.path, f.damaged,
                 f.damaged == 1 ? "y" : "ies", f.damaged == 1 ? "it tells of" : "they tell of");
    tell_others(&f, log);
}
