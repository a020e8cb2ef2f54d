/* SPDX-License-Identifier: MIT */
#include "task/label.h"

#include <stdio.h>
#include <string.h>

#include "data/table.h"

void label_row(char *to, size_t size, const struct dataset *data, size_t row)
{
    char time[TABLE_TIME];
    if (data->time && data->time[row] != DATASET_NO_TIME)
        snprintf(to, size, "%s", table_time(data->time[row], time));
    else
        snprintf(to, size, "row %zu", row);
}

/* Ends a name at its file's ending. */
static void cut_ending(char *name)
{
    static const char *const endings[] = {".gz", ".bz2", ".xz", ".zst", ".zip", ".csv", ".txt"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t all = strlen(name), n = strlen(endings[i]);
        if (all > n && !strcasecmp(name + all - n, endings[i]))
            name[all - n] = 0;
    }
}

void label_series(char *to, size_t size, const struct dataset *data, size_t series)
{
    const char *name = data->file[series].name, *colon = strstr(name, ": ");
    int common = colon && data->files > 1;
    for (size_t s = 0; common && s < data->files; s++)
        common = !strncmp(data->file[s].name, name, (size_t)(colon - name) + 2);
    snprintf(to, size, "%s", common ? colon + 2 : name);
    cut_ending(to);
}

void label_channel(char *to, size_t size, const struct dataset *data, size_t channel)
{
    const char *name = data->names[0];
    for (size_t s = 0; s < data->files; s++)
        if (data->file[s].channel == channel && strstr(data->file[s].name, ": ")) {
            name = strstr(data->file[s].name, ": ") + 2;
            break;
        }
    snprintf(to, size, "%s", name);
}

void label_target(char *to, size_t size, const struct dataset *data, size_t target)
{
    char column[128];
    if (data->channels == 1) {
        snprintf(to, size, "%s", data->target_names[target]);
        return;
    }
    label_channel(column, sizeof column, data, target / data->targets);
    const char *name = data->target_names[target % data->targets];
    if (!strcmp(name, "channel"))
        snprintf(to, size, "%s", column);
    else
        snprintf(to, size, "%s, %s", column, name);
}
