/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"

#include <stdarg.h>
#include <stdio.h>

int cut_for_cpu(const struct plan *p)
{
    return device_info(p->dev)->is_cpu;
}

unsigned cut_vec(const struct plan *p, size_t extent)
{
    unsigned vec = cut_for_cpu(p) ? 16 : 4;
    while (extent % vec)
        vec /= 2;
    return vec;
}

unsigned cut_lanes(const struct plan *p, size_t extent, unsigned vec)
{
    unsigned lanes = cut_group(p, 64);
    while (lanes > 1 && lanes < 256 && lanes * vec < extent &&
           lanes * 2 <= device_info(p->dev)->max_group)
        lanes *= 2;
    return lanes;
}

unsigned cut_group(const struct plan *p, unsigned gpu)
{
    while (gpu > 1 && gpu > device_info(p->dev)->max_group)
        gpu /= 2;
    return cut_for_cpu(p) ? 1 : gpu;
}

size_t cut_chunks(const struct plan *p, size_t rows)
{
    size_t most = cut_for_cpu(p) ? 64 : 512;
    return rows < most ? rows : most;
}

struct chunks cut_rows(const struct plan *p, size_t rows)
{
    size_t chunks = cut_chunks(p, rows), chunk = (rows + chunks - 1) / chunks;
    return (struct chunks){chunk, (rows + chunk - 1) / chunk};
}

#define TEAM_GROUP 128   /* work-items of a group: 12 of them fill an sm_86, 16 an sm_90 */
#define TEAM_GROUPS 1024 /* groups that fill a large GPU */
#define LEAST_ROWS 4     /* of a team that leaves sums */

struct teams cut_teams(const struct plan *p, size_t rows, size_t vectors, int leaves)
{
    if (cut_for_cpu(p)) {
        const struct chunks cut = cut_rows(p, rows);
        return (struct teams){1, 1, cut.chunk, cut.groups};
    }
    struct teams t = {.lanes = 4};
    while (t.lanes < vectors && t.lanes < 256 && t.lanes * 2 <= device_info(p->dev)->max_group)
        t.lanes *= 2;
    t.teams = t.lanes == 64 ? 4 : t.lanes < 64 ? TEAM_GROUP / t.lanes : 1; /* never 2: common.h */
    while (t.teams > 1 && t.teams * t.lanes > device_info(p->dev)->max_group)
        t.teams = t.teams == 4 ? 1 : t.teams / 2;
    t.chunk = (rows + TEAM_GROUPS * t.teams - 1) / (TEAM_GROUPS * t.teams);
    if (leaves && t.chunk < LEAST_ROWS)
        t.chunk = LEAST_ROWS;
    t.groups = (rows + t.chunk * t.teams - 1) / (t.chunk * t.teams);
    return t;
}

struct teams cut_vectors(const struct plan *p, size_t vectors)
{
    if (cut_for_cpu(p)) { /* chunks of whole 64 vectors */
        const struct chunks cut = cut_rows(p, (vectors + 63) / 64);
        return (struct teams){1, 1, cut.chunk * 64, cut.groups};
    }
    struct teams t = {.lanes = cut_group(p, 256), .teams = 1};
    const size_t most = TEAM_GROUPS * t.lanes;
    t.chunk = (vectors + most - 1) / most * t.lanes;
    t.groups = (vectors + t.chunk - 1) / t.chunk;
    return t;
}

struct launch *cut_kernel(struct plan *p, const char *file, const char *name,
                          const struct teams *teams, const char *options, ...)
{
    char text[384], more[24] = "";
    va_list ap;
    va_start(ap, options);
    vsnprintf(text, sizeof text, options, ap);
    va_end(ap);
    if (teams->teams > 1)
        snprintf(more, sizeof more, " -DTEAMS=%u", teams->teams);
    return plan_kernel(p, file, name, teams->groups, (size_t)teams->lanes * teams->teams,
                       "%s-DLANES=%u%s", text, teams->lanes, more);
}
