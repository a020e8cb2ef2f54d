/* SPDX-License-Identifier: MIT */
#include "config/unknown.h"

#include <stdarg.h>
#include <string.h>

#include "config/option.h"
#include "util/near.h"

static char *format(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *format, ...)
{
    char *text;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    return n < 0 ? NULL : text;
}

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
        return format("there is no section %s; did you mean [%s]?", quoted, near);
    return format("there is no section %s", quoted);
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
        return format("[%s] has no key %s; did you mean the one in [%s]?", section, quoted,
                      near->section);
    if (near)
        return format("[%s] has no key %s; did you mean '%s'?", section, quoted, near->key);
    return format("[%s] has no key %s", section, quoted);
}

char *unknown_name(const char *section, const char *key)
{
    for (size_t i = 0; i < option_section_count; i++)
        if (!strcmp(option_sections[i].name, section))
            return unknown_key(section, key);
    return unknown_section(section);
}
