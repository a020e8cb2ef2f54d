/* SPDX-License-Identifier: MIT */
#include "util/cores.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/file.h"

#ifdef CPU_COUNT

struct place {
    long package, core;
    size_t cpu; /* a thread of this core, as the system numbers it */
};

/* What the system tells of a CPU's place; 0 where it does not. */
static long told(size_t cpu, const char *what)
{
    char path[96];
    struct error ignored;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/%s", cpu, what);
    char *text = file_read(path, 4096, NULL, &ignored);
    long number = text ? strtol(text, NULL, 10) : 0;
    free(text);
    return number;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->package != y->package)
        return x->package < y->package ? -1 : 1;
    if (x->core != y->core)
        return x->core < y->core ? -1 : 1;
    return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static void move_threads(const cpu_set_t *set)
{
    DIR *threads = opendir("/proc/self/task");
    for (const struct dirent *e; threads && (e = readdir(threads));)
        if (atoi(e->d_name) > 0)
            sched_setaffinity(atoi(e->d_name), sizeof *set, set);
    if (threads)
        closedir(threads);
}

void cores_keep(size_t part, size_t parts)
{
    cpu_set_t set;
    struct place place[CPU_SETSIZE];
    size_t count = 0;
    if (sched_getaffinity(0, sizeof set, &set))
        return;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set))
            place[count++] =
                (struct place){told(cpu, "physical_package_id"), told(cpu, "core_id"), cpu};
    if (count < parts)
        return;
    qsort(place, count, sizeof *place, by_place);
    CPU_ZERO(&set);
    for (size_t i = count * part / parts; i < count * (part + 1) / parts; i++)
        CPU_SET(place[i].cpu, &set);
    move_threads(&set);
}

#else

void cores_keep(size_t part, size_t parts)
{
    (void)part;
    (void)parts;
}

#endif
