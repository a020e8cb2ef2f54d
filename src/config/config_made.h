/* SPDX-License-Identifier: MIT */
/*
 * config_made: what a config is made of, and can be made of again with other values. Only the files
 * of this folder read it; a config owns it.
 */
#ifndef CONFIG_CONFIG_MADE_H
#define CONFIG_CONFIG_MADE_H

#include <stddef.h>

#include "config/entries.h"

struct config_made {
    char *bytes, *name; /* of the file; NULL without one */
    size_t size;
    char **setting; /* [settings] */
    size_t settings;
    struct entries entries;
};

#endif
