/* SPDX-License-Identifier: MIT */
#include "telemetry/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/clocale.h"

/* The root and what follows; "" if it is too long, which no file has as its name. */
static void path_of(char path[FILES_PATH], const char *root, const char *format, va_list ap)
{
    int n = snprintf(path, FILES_PATH, "%s", root), m = 0;
    if (n >= 0 && n < FILES_PATH)
        m = vsnprintf(path + n, (size_t)(FILES_PATH - n), format, ap);
    if (n < 0 || m < 0 || n + m >= FILES_PATH)
        *path = 0;
}

static size_t read_text(const char *path, char *to, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (; fd >= 0 && got > 0 && used + 1 < size; used += got > 0 ? (size_t)got : 0)
        got = read(fd, to + used, size - 1 - used);
    if (fd >= 0)
        close(fd);
    to[used] = 0;
    return used;
}

size_t files_text(const char *root, char *to, size_t size, const char *format, ...)
{
    char path[FILES_PATH];
    va_list ap;
    va_start(ap, format);
    path_of(path, root, format, ap);
    va_end(ap);
    return read_text(path, to, size);
}

size_t files_line(const char *root, char *to, size_t size, const char *format, ...)
{
    char path[FILES_PATH];
    va_list ap;
    va_start(ap, format);
    path_of(path, root, format, ap);
    va_end(ap);
    read_text(path, to, size);
    size_t length = strcspn(to, "\n");
    to[length] = 0;
    return length;
}

double files_number(const char *root, const char *format, ...)
{
    char path[FILES_PATH], text[64];
    double value = NAN;
    va_list ap;
    va_start(ap, format);
    path_of(path, root, format, ap);
    va_end(ap);
    locale_t locale = clocale_enter();
    if (!read_text(path, text, sizeof text) || sscanf(text, "%lf", &value) != 1)
        value = NAN;
    clocale_leave(locale);
    return value;
}

void files_link(const char *root, char *to, size_t size, const char *format, ...)
{
    char path[FILES_PATH], target[FILES_PATH];
    va_list ap;
    va_start(ap, format);
    path_of(path, root, format, ap);
    va_end(ap);
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    const char *slash = strrchr(target, '/');
    snprintf(to, size, "%s", slash ? slash + 1 : target);
}

void files_first(const char *root, const char *folder, const char *prefix, char *to, size_t size)
{
    char path[FILES_PATH];
    *to = 0;
    int n = snprintf(path, sizeof path, "%s%s", root, folder);
    DIR *dir = n > 0 && n < FILES_PATH ? opendir(path) : NULL;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (!strncmp(entry->d_name, prefix, strlen(prefix)) && strlen(entry->d_name) < size &&
            (!*to || strcmp(entry->d_name, to) < 0))
            snprintf(to, size, "%s", entry->d_name);
    closedir(dir);
}
