/* SPDX-License-Identifier: MIT */
#include "library/plain.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define CLAUSES "; "
#define ROOM 2048 /* of struct error */

static int is_word(int c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Length of "section.key" or, where `bracketed`, of "[section] key" that text begins with; 0: it
 * does not. `of` is that key. */
static size_t key_at(const char *text, int bracketed, struct config_key *of)
{
    char name[96];
    size_t longest = 0;
    struct config_key key;
    for (size_t i = 0; !config_key(i, &key); i++) {
        snprintf(name, sizeof name, bracketed ? "[%s] %s" : "%s.%s", key.section, key.name);
        const size_t length = strlen(name);
        if (length > longest && !strncmp(text, name, length) && !is_word(text[length])) {
            longest = length;
            *of = key;
        }
    }
    return longest;
}

/* Whether a clause speaks of settings. */
static int names_key(const char *clause)
{
    struct config_key ignored;
    if (!strncmp(clause, "-s ", 3) || strstr(clause, " -s "))
        return 1;
    for (const char *at = clause; *at; at++)
        if ((at == clause || (!is_word(at[-1]) && at[-1] != '/' && at[-1] != '.')) &&
            (key_at(at, 0, &ignored) || key_at(at, 1, &ignored)))
            return 1;
    return 0;
}

/* Takes "[section] key: " out. */
static void cut_heading(char *clause)
{
    struct config_key ignored;
    for (char *at = strchr(clause, '['); at; at = strchr(at + 1, '[')) {
        const size_t length = key_at(at, 1, &ignored);
        if (length && !strncmp(at + length, ": ", 2)) {
            memmove(at, at + length + 2, strlen(at + length + 2) + 1);
            return;
        }
    }
}

/* Copies a clause, keys as words. */
static void put_words(const char *clause, FILE *out)
{
    struct config_key key;
    for (const char *at = clause; *at;) {
        const int begins = at == clause || (!is_word(at[-1]) && at[-1] != '/' && at[-1] != '.');
        size_t length = begins ? key_at(at, 0, &key) : 0;
        if (begins && !length)
            length = key_at(at, 1, &key);
        if (!length) {
            putc(*at++, out);
            continue;
        }
        fputs("the model's ", out);
        for (const char *word = key.name; *word; word++)
            putc(*word == '_' ? ' ' : *word, out);
        at += length;
    }
}

/* One line; the first clause is kept. */
static void put_line(char *line, FILE *out)
{
    cut_heading(line);
    for (char *clause = line, *end; clause; clause = end) {
        if ((end = strstr(clause, CLAUSES))) {
            *end = 0;
            end += strlen(CLAUSES);
        }
        if (clause != line && names_key(clause))
            continue;
        fputs(clause == line ? "" : CLAUSES, out);
        put_words(clause, out);
    }
}

void plain_text(char *text)
{
    char made[ROOM] = "";
    FILE *out = fmemopen(made, sizeof made, "w");
    if (!out)
        return;
    for (char *line = text, *end; line; line = end) {
        if ((end = strchr(line, '\n')))
            *end++ = 0;
        put_line(line, out);
        if (end)
            putc('\n', out);
    }
    fclose(out);
    made[sizeof made - 1] = 0;
    snprintf(text, ROOM, "%s", made);
}
