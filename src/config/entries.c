/* SPDX-License-Identifier: MIT */
#include "config/entries.h"

#include <stdlib.h>
#include <string.h>

#include "config/inifile.h"
#include "config/unknown.h"
#include "config/value.h"
#include "util/near.h"

#define LONGEST 65536 /* bytes of a text in which something was replaced */
#define DEEPEST 50    /* variables that stand for one another */

/* --- making and finding */

int entries_init(struct entries *entries)
{
    for (size_t i = 0; i < option_count; i++) {
        struct entry *e = entries_add(entries, options[i].section, options[i].key);
        if (!e || entry_set(e, options[i].def, ENTRY_DEFAULT))
            return -1;
    }
    return 0;
}

void entries_fini(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->item[i].key);
        free(entries->item[i].text);
        free(entries->item[i].replaced);
    }
    free(entries->item);
}

struct entry *entries_find(const struct entries *entries, const char *section, const char *key)
{
    const struct option *o = option_find(section, key);
    if (o)
        return &entries->item[o - options];
    for (size_t i = option_count; i < entries->count; i++)
        if (!strcmp(entries->item[i].section, section) && !strcmp(entries->item[i].key, key))
            return &entries->item[i];
    return NULL;
}

struct entry *entries_named(const struct entries *entries, const char *name)
{
    size_t n = strcspn(name, ".");
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *e = &entries->item[i];
        if (strlen(e->section) == n && !strncmp(e->section, name, n) && name[n] &&
            !strcmp(e->key, name + n + 1))
            return e;
    }
    return NULL;
}

int entry_varies(const struct entry *entry)
{
    return !strcmp(entry->section, "sweep") && strchr(entry->key, '.') && !entry_is_slot(entry);
}

int entry_is_slot(const struct entry *entry)
{
    return !strcmp(entry->section, "sweep") && !strncmp(entry->key, "slot.", 5);
}

struct entry *entries_add(struct entries *entries, const char *section, const char *key)
{
    if (entries->count == entries->room) {
        size_t room = entries->room ? 2 * entries->room : 256;
        struct entry *more = realloc(entries->item, room * sizeof *more);
        if (!more)
            return NULL;
        entries->item = more;
        entries->room = room;
    }
    struct entry e = {.section = section, .key = strdup(key), .text = strdup("")};
    if (!e.key || !e.text) {
        free(e.key);
        free(e.text);
        return NULL;
    }
    entries->item[entries->count] = e;
    return &entries->item[entries->count++];
}

int entry_set(struct entry *entry, const char *text, long from)
{
    char *copy = strdup(text);
    if (!copy)
        return -1;
    free(entry->text);
    entry->text = copy;
    entry->from = from;
    entry->swept = entry->fixed = 0;
    return 0;
}

int entries_keep(struct entries *entries, const struct entry *entry)
{
    const size_t at = (size_t)(entry - entries->item);
    if (at >= option_count || entry->from >= ENTRY_DEFAULT)
        return 0;
    struct entry *former = entries_add(entries, entry->section, entry->key);
    if (!former || entry_set(former, entries->item[at].text, entries->item[at].from))
        return -1;
    former->former = 1;
    return 0;
}

int entry_is_variable(const struct entry *entry)
{
    return !strcmp(entry->section, "vars");
}

const char *entry_value(const struct entry *entry)
{
    return entry->replaced ? entry->replaced : entry->text;
}

/* --- replacing */

struct replacing {
    struct entries *entries;
    entry_teller *tell;
    void *ctx;
    int no_memory;
};

/* A text that is being replaced, and the one that stands for it. */
struct chain {
    struct entry *entry;
    const struct chain *before;
    int depth;
};

static int replace(struct replacing *r, struct entry *e, const struct chain *before);

/* Always -1. */
static int wrong(struct replacing *r, const struct entry *e, const char *what)
{
    r->tell(r->ctx, e, what);
    return -1;
}

/* "vars.a, vars.b, ": from `first` to the step. */
static void put_circle(const struct chain *step, const struct entry *first, FILE *out)
{
    if (step->entry != first)
        put_circle(step->before, first, out);
    fprintf(out, "%s.%s, ", step->entry->section, step->entry->key);
}

/* `other` stands for itself. */
static int wrong_circle(struct replacing *r, const struct chain *step, const struct entry *other)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        fprintf(out, "${%s.%s} stands for itself: ", other->section, other->key);
        put_circle(step, other, out);
        fprintf(out, "%s.%s", other->section, other->key);
    }
    if (!out || fclose(out))
        r->no_memory = 1;
    else
        wrong(r, step->entry, text);
    free(text);
    return -1;
}

/* "there is no variable 'con'; did you mean ${vars.coin}?" */
static char *unknown_variable(const struct entries *entries, const char *name)
{
    const char *near = NULL;
    size_t best = SIZE_MAX;
    char *text = NULL, quoted[OPTION_QUOTED];
    for (size_t i = option_count; i < entries->count; i++)
        if (entry_is_variable(&entries->item[i]) &&
            near_is_nearer(name, entries->item[i].key, &best))
            near = entries->item[i].key;
    int n = near ? asprintf(&text, "[vars] has no %s; did you mean ${vars.%s}?",
                            option_quote(name, quoted), near)
                 : asprintf(&text, "[vars] has no %s", option_quote(name, quoted));
    return n < 0 ? NULL : text;
}

/* The entry that ${name} stands for; NULL: told. */
static struct entry *named(struct replacing *r, const struct entry *e, char *name)
{
    char *what = NULL, *text = NULL, *key = strchr(name, '.');
    char quoted[OPTION_QUOTED];
    struct entry *other = entries_named(r->entries, name);
    if (other && !entry_varies(other) && !entry_is_slot(other))
        return other;
    if (!key) {
        if (asprintf(&text, "${...} holds section.key, as ${train.lr} or ${vars.coin}, not %s",
                     option_quote(name, quoted)) < 0)
            text = NULL;
    } else {
        *key++ = 0;
        what = strcmp(name, "vars") ? unknown_name(name, key) : unknown_variable(r->entries, key);
        if (what && asprintf(&text, "${%s.%s}: %s", name, key, what) < 0)
            text = NULL;
    }
    if (text)
        wrong(r, e, text);
    else
        r->no_memory = 1;
    free(what);
    free(text);
    return NULL;
}

/* Whether the quotes around a whole text are none of what it says. */
static int may_unquote(const struct entries *entries, const struct entry *e)
{
    size_t i = (size_t)(e - entries->item);
    const enum option_type type = i < option_count ? options[i].type : OPTION_TEXT;
    return type != OPTION_LIST && type != OPTION_INPUTS && type != OPTION_EXPRESSION &&
           type != OPTION_EXPRESSIONS && type != OPTION_SET;
}

/* Writes what an entry says, without quotes around all of it. */
static int put_value(struct replacing *r, const struct entry *e, FILE *out)
{
    const char *value = entry_value(e);
    char fault[OPTION_FAULT] = "";
    int quoted = *value == '"' && may_unquote(r->entries, e);
    char *plain = quoted ? value_unquote(value, strlen(value), fault) : NULL;
    r->no_memory |= quoted && !plain && !*fault;
    fputs(plain ? plain : value, out);
    free(plain);
    return r->no_memory ? -1 : 0;
}

/* Writes what ${name} stands for. */
static int put_named(struct replacing *r, const struct chain *step, const char *name, size_t length,
                     FILE *out)
{
    char copy[2 * INIFILE_MAX_KEY + 2];
    while (length && strchr(" \t", *name)) {
        name++;
        length--;
    }
    while (length && strchr(" \t", name[length - 1]))
        length--;
    if (length >= sizeof copy)
        return wrong(r, step->entry, "${...} holds section.key, not a text as long as this one");
    memcpy(copy, name, length);
    copy[length] = 0;
    struct entry *other = named(r, step->entry, copy);
    if (!other)
        return -1;
    if (other->state == ENTRY_UNDER_WAY)
        return wrong_circle(r, step, other);
    if (step->depth == DEEPEST)
        return wrong(r, step->entry, "goes through more than 50 variables");
    other->used = 1;
    if (replace(r, other, step) || put_value(r, other, out))
        return -1;
    return ftell(out) > LONGEST
               ? wrong(r, step->entry, "is longer than 65536 bytes with what ${...} stands for")
               : 0;
}

static int put_text(struct replacing *r, const struct chain *step, FILE *out)
{
    for (const char *at = step->entry->text; *at;) {
        if (!strncmp(at, "$${", 3)) {
            fputs("${", out);
            at += 3;
        } else if (!strncmp(at, "${", 2)) {
            size_t n = strcspn(at, "}");
            if (!at[n])
                return wrong(r, step->entry, "has ${ without its }; $${ stands for ${");
            if (put_named(r, step, at + 2, n - 2, out))
                return -1;
            at += n + 1;
        } else
            putc(*at++, out);
    }
    return 0;
}

/* Replaces what is in a text; -1 where it, or one that it needs, is wrong. */
static int replace(struct replacing *r, struct entry *e, const struct chain *before)
{
    const struct chain step = {e, before, before ? before->depth + 1 : 0};
    size_t size;
    if (e->state == ENTRY_NEW && !strstr(e->text, "${"))
        e->state = ENTRY_DONE;
    if (e->state != ENTRY_NEW)
        return e->state == ENTRY_BAD ? -1 : 0;
    e->state = ENTRY_UNDER_WAY;
    FILE *out = open_memstream(&e->replaced, &size);
    int bad = !out || put_text(r, &step, out);
    if (!out || fclose(out)) {
        r->no_memory = 1;
        bad = 1;
    }
    e->state = bad ? ENTRY_BAD : ENTRY_DONE;
    return bad ? -1 : 0;
}

int entries_replace(struct entries *entries, entry_teller *tell, void *ctx)
{
    struct replacing r = {entries, tell, ctx, 0};
    for (size_t i = 0; i < entries->count && !r.no_memory; i++)
        if (!entries->item[i].fixed)
            replace(&r, &entries->item[i], NULL);
    return r.no_memory ? -1 : 0;
}
