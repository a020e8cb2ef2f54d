/* SPDX-License-Identifier: MIT */
#include "config/unknown.h"

#include <string.h>

#include "config/option.h"
#include "util/near.h"

char *unknown_section(const char *section)
{
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < option_section_count; i++)
        if (near_is_nearer(section, option_sections[i].name, &best))
            near = option_sections[i].name;
    char quoted[OPTION_QUOTED];
    option_quote(section, quoted);
    if (near)
        return option_format("there is no section %s; did you mean [%s]?", quoted, near);
    return option_format("there is no section %s", quoted);
}

char *unknown_key(const char *section, const char *key)
{
    const struct option *near = NULL; /* of the section, or of that very name in another one */
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < option_count; i++)
        if ((!strcmp(options[i].section, section) || !strcmp(options[i].key, key)) &&
            near_is_nearer(key, options[i].key, &best))
            near = &options[i];
    char quoted[OPTION_QUOTED];
    option_quote(key, quoted);
    if (near && strcmp(near->section, section))
        return option_format("[%s] has no key %s; did you mean the one in [%s]?", section, quoted,
                             near->section);
    if (near)
        return option_format("[%s] has no key %s; did you mean '%s'?", section, quoted, near->key);
    return option_format("[%s] has no key %s", section, quoted);
}

char *unknown_name(const char *section, const char *key)
{
    for (size_t i = 0; i < option_section_count; i++)
        if (!strcmp(option_sections[i].name, section))
            return unknown_key(section, key);
    return unknown_section(section);
}
