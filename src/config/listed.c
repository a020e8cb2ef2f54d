/* SPDX-License-Identifier: MIT */
#include "config/listed.h"

#include <stdlib.h>
#include <string.h>

#include "config/inifile.h"
#include "config/option.h"
#include "util/clocale.h"

struct listing {
    struct listed_keys *keys;
    size_t room;
    int no_memory;
};

/* What a text comes to when it is read and written again; NULL: it cannot be read, or memory ran
 * out, of which *no_memory tells. */
static char *read_again(const struct option *o, const char *text, int *no_memory)
{
    union option_value value;
    char fault[OPTION_FAULT];
    if (option_read(o, text, &value, fault)) {
        *no_memory |= !*fault;
        return NULL;
    }
    char *again = option_text(o, &value);
    *no_memory |= !again;
    option_release(o, &value);
    return again;
}

static int make_room(struct listing *l)
{
    if (l->keys->count < l->room)
        return 0;
    const size_t room = 2 * l->room + 64;
    struct listed *more = realloc(l->keys->item, room * sizeof *more);
    if (!more)
        return -1;
    l->keys->item = more;
    l->room = room;
    return 0;
}

static void take_value(void *ctx, long line, const char *section, const char *key,
                       const char *value)
{
    struct listing *l = ctx;
    (void)line;
    if (l->keys->count >= LISTED_MOST || l->no_memory)
        return;
    if (make_room(l)) {
        l->no_memory = 1;
        return;
    }
    const struct option *o = option_find(section, key);
    char *was = o ? read_again(o, o->def, &l->no_memory) : NULL;
    char *is = o ? read_again(o, value, &l->no_memory) : NULL;
    struct listed *item = &l->keys->item[l->keys->count++];
    *item = (struct listed){.name = option_format("%s.%s", section, key),
                            .text = is ? is : strdup(value),
                            .is_default = was && is && !strcmp(was, is),
                            .help = o ? o->help : NULL};
    l->no_memory |= !item->name || !item->text;
    free(was);
}

static void pass_section(void *ctx, long line, const char *name)
{
    (void)ctx;
    (void)line;
    (void)name;
}

static void pass_fault(void *ctx, long line, const char *what)
{
    pass_section(ctx, line, what);
}

int listed_read(struct listed_keys *keys, const char *bytes, size_t size)
{
    static const struct inifile_events events = {pass_section, take_value, pass_fault};
    struct listing l = {.keys = keys};
    *keys = (struct listed_keys){0};
    locale_t before = clocale_enter();
    const int failed = inifile_parse(bytes, size, &events, &l) || l.no_memory;
    clocale_leave(before);
    return failed ? -1 : 0;
}

void listed_fini(struct listed_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->item[i].name);
        free(keys->item[i].text);
    }
    free(keys->item);
    *keys = (struct listed_keys){0};
}

const char *listed_find(const struct listed_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (!strcmp(keys->item[i].name, name))
            return keys->item[i].text;
    return NULL;
}
