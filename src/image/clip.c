/* SPDX-License-Identifier: MIT */
#include "image/clip.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "image/read.h"
#include "util/file.h"

/* --- the order */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Two runs of digits by their value: behind zeros the longer one is larger. Both are moved behind
 * their run. */
static int compare_numbers(const char **one, const char **other)
{
    while (**one == '0')
        ++*one;
    while (**other == '0')
        ++*other;
    const char *a = *one, *b = *other;
    while (is_digit(**one))
        ++*one;
    while (is_digit(**other))
        ++*other;
    const size_t size = (size_t)(*one - a);
    if (size != (size_t)(*other - b))
        return size < (size_t)(*other - b) ? -1 : 1;
    return memcmp(a, b, size);
}

int clip_order(const char *one, const char *other)
{
    const char *a = one, *b = other;
    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            const int order = compare_numbers(&a, &b);
            if (order)
                return order;
        } else if (*a != *b) {
            break;
        } else {
            a++;
            b++;
        }
    }
    if (*a != *b)
        return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    return strcmp(one, other); /* 01 and 1 */
}

static int compare_paths(const void *a, const void *b)
{
    return clip_order(*(char *const *)a, *(char *const *)b);
}

size_t clip_frame(size_t n, size_t frames, size_t k)
{
    return ((n - 1) * (2 * k + 1) + frames) / (2 * frames);
}

/* --- what there is */

void clip_fini(struct clip *clip)
{
    for (size_t i = 0; i < clip->count; i++)
        free(clip->path[i]);
    free(clip->path);
    *clip = (struct clip){0};
}

/* Takes of the sorted names those that clip_frame() says, behind `folder` unless it is NULL. */
static int take(struct clip *to, char *const *name, const char *folder, size_t frames)
{
    to->path = calloc(frames, sizeof *to->path);
    for (; to->path && to->count < frames; to->count++) {
        const char *one = name[clip_frame(to->found, frames, to->count)];
        to->path[to->count] = folder ? file_join(folder, one) : strdup(one);
        if (!to->path[to->count])
            return -1;
    }
    return to->path ? 0 : -1;
}

static int is_shown(const struct dirent *entry)
{
    return *entry->d_name != '.';
}

/* Takes away what is no frame: what is no file, or has another ending; sorts the rest. `folder` as
 * in take(). -1 without memory. */
static int sift(struct clip *to, char **name, size_t count, const char *folder)
{
    for (size_t i = 0; i < count; i++) {
        char *path = folder ? file_join(folder, name[i]) : strdup(name[i]);
        if (!path)
            return -1;
        const int is_folder = file_is_folder(path);
        free(path);
        if (!is_folder && image_is_named(name[i]))
            name[to->found++] = name[i];
        else
            to->passed_over += !is_folder;
    }
    if (to->found)
        qsort(name, to->found, sizeof *name, compare_paths);
    return 0;
}

/* From names, which are mixed up, to paths. */
static int open_names(struct clip *to, char **name, size_t count, const char *folder,
                      const char *path, size_t frames, struct error *err)
{
    if (sift(to, name, count, folder))
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (!to->found)
        return error_set(err, STATUS_INPUT, "%s: no .png, .jpg or .jpeg file %s", path,
                         folder ? "is in this folder" : "fits this pattern");
    return take(to, name, folder, frames) ? error_set(err, STATUS_FAILED, "%s: out of memory", path)
                                          : 0;
}

static int open_folder(struct clip *to, const char *folder, size_t frames, struct error *err)
{
    struct dirent **entry;
    const int count = scandir(folder, &entry, is_shown, NULL);
    if (count < 0)
        return error_errno(err, STATUS_INPUT, folder);
    char **name = malloc(((size_t)count + 1) * sizeof *name);
    for (int i = 0; name && i < count; i++)
        name[i] = entry[i]->d_name;
    const int failed = name ? open_names(to, name, (size_t)count, folder, folder, frames, err)
                            : error_set(err, STATUS_FAILED, "%s: out of memory", folder);
    for (int i = 0; i < count; i++)
        free(entry[i]);
    free(entry);
    free(name);
    return failed;
}

/* How much of a path is a folder that is there by this name. `copy` of it is cut. */
static size_t folder_size(char *copy)
{
    for (char *slash; (slash = strrchr(copy, '/'));) {
        *slash = 0;
        if (file_is_folder(copy))
            return (size_t)(slash - copy);
    }
    return 0;
}

/* The pattern of a path whose folders, as far as they are there by these names, stand for
 * themselves: that of a table is no pattern. The caller frees; NULL without memory. */
static char *pattern_of(const char *path)
{
    char *const to = malloc(2 * strlen(path) + 1), *copy = strdup(path), *end = to;
    const size_t literal = copy ? folder_size(copy) : 0;
    for (size_t i = 0; to && path[i]; i++) {
        if (i < literal && strchr("*?[\\", path[i]))
            *end++ = '\\';
        *end++ = path[i];
    }
    if (to)
        *end = 0;
    if (!copy) {
        free(to);
        return NULL;
    }
    free(copy);
    return to;
}

static int open_glob(struct clip *to, const char *path, size_t frames, struct error *err)
{
    glob_t found = {0};
    char *pattern = pattern_of(path);
    const int code = pattern ? glob(pattern, GLOB_NOSORT, NULL, &found) : GLOB_NOSPACE;
    free(pattern);
    const size_t count = code ? 0 : found.gl_pathc;
    char **name = malloc((count + 1) * sizeof *name); /* globfree() needs its own */
    int failed;
    if (name && count)
        memcpy(name, found.gl_pathv, count * sizeof *name);
    if (!name || code == GLOB_NOSPACE)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (code && code != GLOB_NOMATCH)
        failed = error_set(err, STATUS_INPUT, "%s: the pattern cannot be looked up", path);
    else
        failed = open_names(to, name, count, NULL, path, frames, err);
    free(name);
    globfree(&found);
    return failed;
}

static int open_image(struct clip *to, const char *path, size_t frames, struct error *err)
{
    char *one = strdup(path);
    to->found = 1;
    const int failed = !one || take(to, &one, NULL, frames);
    free(one);
    return failed ? error_set(err, STATUS_FAILED, "%s: out of memory", path) : 0;
}

int clip_open(struct clip *to, const char *path, size_t frames, struct error *err)
{
    struct stat state;
    int failed;
    *to = (struct clip){0};
    if (!frames || frames > CLIP_FRAMES)
        return error_set(err, STATUS_INPUT, "%s: %zu frames, where 1 to %d can be taken", path,
                         frames, CLIP_FRAMES);
    if (!stat(path, &state))
        failed = S_ISDIR(state.st_mode) ? open_folder(to, path, frames, err)
                                        : open_image(to, path, frames, err);
    else if (strpbrk(path, "*?["))
        failed = open_glob(to, path, frames, err);
    else
        failed = error_errno(err, STATUS_INPUT, path);
    if (failed)
        clip_fini(to);
    return failed;
}
