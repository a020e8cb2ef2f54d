/* SPDX-License-Identifier: MIT */
/*
 * listed: the keys of a configuration file one by one, as texts, for those who show or compare
 * files. Nothing is checked: keys that are not known, and values that cannot be read, are listed as
 * they stand. The texts belong to the list.
 */
#ifndef CONFIG_LISTED_H
#define CONFIG_LISTED_H

#include <stddef.h>

#define LISTED_MOST 4000 /* keys; the others are left out */

struct listed {
    char *name; /* "train.lr" */
    char *text; /* as config_print() writes it, where it can be read */
    int is_default;
    const char *help; /* its sentence; NULL: no such key is known */
};

struct listed_keys {
    struct listed *item; /* in the order of the file */
    size_t count;
};

/* Lists what the file has; -1: memory. listed_fini() in any case. */
int listed_read(struct listed_keys *keys, const char *bytes, size_t size);
void listed_fini(struct listed_keys *keys);

/* The text of a key; NULL: the file has none. */
const char *listed_find(const struct listed_keys *keys, const char *name);

#endif
