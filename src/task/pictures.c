/* SPDX-License-Identifier: MIT */
#include "task/pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define DECLARE(name) extern const struct picture picture_##name;
PICTURES(DECLARE, DECLARE)

static const struct {
    const char *name;
    const struct picture *picture;
} table[] = {
#define ENTRY(name) {#name, &picture_##name},
    PICTURES(ENTRY, ENTRY)};

static int is_wanted(const struct config *config, const char *name)
{
    const struct list *list = &config->plots.enable;
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->item[i], "all") || !strcmp(list->item[i], name))
            return 1;
    return 0;
}

int pictures_draw(const struct picture_of *of, struct error *err)
{
    int ended = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table && !ended; i++) {
        const struct picture *picture = table[i].picture;
        char name[64];
        if (!is_wanted(of->result->e->config, table[i].name) ||
            (picture->applies && !picture->applies(of)))
            continue;
        snprintf(name, sizeof name, "%s.png", table[i].name);
        char *path = file_join(of->to->folder, name);
        ended =
            path ? picture->draw(of, path, err) : error_set(err, STATUS_FAILED, "out of memory");
        if (!ended)
            log_picture(of->to->log, table[i].name, path);
        free(path);
    }
    return ended;
}
