/* SPDX-License-Identifier: MIT */
#include "util/host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *host_name(char to[HOST_NAME])
{
    if (gethostname(to, HOST_NAME) || !*to)
        snprintf(to, HOST_NAME, "host");
    to[HOST_NAME - 1] = 0;
    for (char *c = to; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              *c == '-' || *c == '_' || (*c == '.' && c > to)))
            *c = '_';
    return to;
}

/* The start of a small file of the system, without its line feed; 0: it cannot be read. */
static size_t read_start(const char *path, char *to, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, to, size - 1);
    if (fd >= 0)
        close(fd);
    size_t used = got > 0 ? (size_t)got : 0;
    to[used] = 0;
    used = strcspn(to, "\n");
    to[used] = 0;
    return used;
}

const char *host_place(char to[HOST_PLACE])
{
    char boot[64], table[48];
    ssize_t length = readlink("/proc/self/ns/pid", table, sizeof table - 1);
    *to = 0;
    if (length <= 0 || !read_start("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return to;
    table[length] = 0;
    snprintf(to, HOST_PLACE, "%s %s", boot, table);
    return to;
}

/* Fields 3 and 22 of proc(5)'s stat: state and start; the second field may hold anything. */
const char *host_begun(long pid, char to[HOST_BEGUN])
{
    char path[48], line[1024], state;
    *to = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    const char *rest = read_start(path, line, sizeof line) ? strrchr(line, ')') : NULL;
    if (rest && (sscanf(rest + 1,
                        " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                        "%*s %*s %31s",
                        &state, to) != 2 ||
                 strchr("ZXx", state)))
        *to = 0;
    return to;
}

long long host_resident(void)
{
    long long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%lld %lld", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident * sysconf(_SC_PAGESIZE);
}
