/* SPDX-License-Identifier: MIT */
/*
 * entries: what a configuration says before types are read: a text for each option, for each
 * variable of [vars] and for each key of [sweep] that varies. entries_replace() puts in what
 * ${section.key} stands for. Internal to src/config. The texts belong to the entries.
 */
#ifndef CONFIG_ENTRIES_H
#define CONFIG_ENTRIES_H

#include <limits.h>
#include <stddef.h>

/* Where a text came from: a line of the file, the default, or ENTRY_SETTING + the number of a
 * setting. What is meant more is the larger number. */
#define ENTRY_DEFAULT (ENTRY_SETTING - 1)
#define ENTRY_SETTING (LONG_MAX / 2)

enum entry_state { ENTRY_NEW, ENTRY_UNDER_WAY, ENTRY_DONE, ENTRY_BAD };

struct entry {
    const char *section;
    char *key, *text;
    char *replaced; /* with what its ${...} stand for; NULL: there are none */
    long from;
    enum entry_state state;
    int used;   /* a ${...} stands for it */
    int swept;  /* the text is that of a key of [sweep], which stands at `from` */
    int fixed;  /* a key of [sweep]: it does not vary any more */
    int former; /* what the file said of an option, which a setting has in its place */
};

struct entries {
    struct entry *item; /* first those of options[], then variables and keys of [sweep] */
    size_t count, room;
};

/* Makes an entry of each option, with its default; -1: memory. entries_fini() in any case. */
int entries_init(struct entries *entries);
void entries_fini(struct entries *entries);

/* NULL if there is none. */
struct entry *entries_find(const struct entries *entries, const char *section, const char *key);

/* The same by "section.key". */
struct entry *entries_named(const struct entries *entries, const char *name);

/* Whether this is a key of [sweep] that names another key: it has a point. */
int entry_varies(const struct entry *entry);

/* Whether this is slot.N of [sweep]: which values are for slot N. */
int entry_is_slot(const struct entry *entry);

/* A new one, with an empty text; `section` is kept. NULL: memory. */
struct entry *entries_add(struct entries *entries, const char *section, const char *key);

/* More variables and keys of [sweep] are too many: looking for one takes its time. */
#define ENTRIES_NAMES 1000

/* Gives it another text; -1: memory. */
int entry_set(struct entry *entry, const char *text, long from);

/* Keeps what the file says of an option, to be read as well, before a setting takes its place; -1:
 * memory. Entries move. */
int entries_keep(struct entries *entries, const struct entry *entry);

/* Whether this is a variable of [vars]. */
int entry_is_variable(const struct entry *entry);

/* Its text as types read it. */
const char *entry_value(const struct entry *entry);

/* Replaces ${section.key} in all texts. Tells what is wrong with one, which is then ENTRY_BAD, as
 * are those that stand for it. -1: memory. */
typedef void entry_teller(void *ctx, const struct entry *entry, const char *what);
int entries_replace(struct entries *entries, entry_teller *tell, void *ctx);

#endif
