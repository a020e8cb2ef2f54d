/* SPDX-License-Identifier: MIT */
#include "data/source.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/csv.h"
#include "data/dataset.h"
#include "data/document.h"
#include "util/file.h"

static void source_fini(struct source *source)
{
    for (size_t i = 0; i < source->renames; i++) {
        free(source->rename[i].ours);
        free(source->rename[i].theirs);
    }
    free(source->rename);
    free(source->path);
    free(source->name);
    free(source->item);
    free(source->target);
}

void sources_fini(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        source_fini(&sources->item[i]);
    free(sources->item);
    *sources = (struct sources){0};
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* A new file at the end of the list; NULL without memory. */
static struct source *add(struct sources *sources, const char *path, const char *name,
                          struct error *err)
{
    struct source *more = realloc(sources->item, (sources->count + 1) * sizeof *more);
    if (more)
        sources->item = more;
    struct source *source = more ? &more[sources->count++] : NULL;
    if (source) {
        *source = (struct source){.path = strdup(path), .name = strdup(name), .part = SOURCE_DEALT};
        if (source->path && source->name)
            return source;
    }
    error_set(err, STATUS_FAILED, "%s: out of memory", path);
    return NULL;
}

static int is_shown(const struct dirent *entry)
{
    return *entry->d_name != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A folder without data files; `other` is a file in it, "" if there is none. */
static int no_csv(const char *folder, const char *other, enum document_of of, struct error *err)
{
    static const char *const wanted[] = {
        [DOCUMENTS_OF_SERIES] = "no .csv or .csv.gz file is",
        [DOCUMENTS_OF_TEXTS] = "no file that ends in .txt, .md, .jsonl or .csv is",
        [DOCUMENTS_OF_CAPTIONS] = "no file that ends in .csv or .jsonl is"};
    char shown[CSV_SHOWN];
    const char *end = strrchr(other, '.');
    if (!*other)
        return error_set(err, STATUS_INPUT, "%s: %s in this folder", folder, wanted[of]);
    return error_set(err, STATUS_INPUT,
                     "%s: %s in this folder, but %s; data.source = "
                     "%s/*%s takes files of other names",
                     folder, wanted[of], csv_show(other, shown), folder, end ? end : "");
}

static int add_folder(struct sources *sources, const char *folder, struct error *err)
{
    struct dirent **entry;
    int count = scandir(folder, &entry, is_shown, by_bytes), result = 0;
    size_t before = sources->count;
    char other[256] = "";
    if (count < 0)
        return error_errno(err, STATUS_INPUT, folder);
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entry[i]->d_name);
        if (!path)
            result = error_set(err, STATUS_FAILED, "%s: out of memory", folder);
        if (!result && !file_is_folder(path)) {
            if (document_is_named(entry[i]->d_name, sources->of)) {
                result = add(sources, path, entry[i]->d_name, err) ? 0 : -1;
            } else {
                snprintf(other, sizeof other, "%s", entry[i]->d_name);
                sources->passed_over++;
            }
        }
        free(path);
        free(entry[i]);
    }
    free(entry);
    return !result && sources->count == before ? no_csv(folder, other, sources->of, err) : result;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* glob() itself would sort as the user's locale has it. */
static int add_glob(struct sources *sources, const char *pattern, struct error *err)
{
    glob_t found = {0};
    int code = glob(pattern, GLOB_NOSORT, NULL, &found), result = 0;
    size_t before = sources->count;
    if (code == GLOB_NOSPACE)
        result = error_set(err, STATUS_FAILED, "%s: out of memory", pattern);
    else if (code && code != GLOB_NOMATCH)
        result = error_set(err, STATUS_INPUT, "%s: the pattern cannot be looked up", pattern);
    if (!code)
        qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, compare_paths);
    for (size_t i = 0; !code && !result && i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        if (!file_is_folder(path))
            result = add(sources, path, base_name(path), err) ? 0 : -1;
    }
    globfree(&found);
    if (!result && sources->count == before)
        return error_set(err, STATUS_INPUT, "%s: no file fits this pattern", pattern);
    return result;
}

/* stat() of a path, or of standard input. */
static int look_up(const char *path, struct stat *st)
{
    return strcmp(path, "-") ? stat(path, st) : fstat(STDIN_FILENO, st);
}

int source_is_once(const char *path)
{
    struct stat st;
    return !look_up(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int add_files(struct sources *sources, const char *path, struct error *err)
{
    struct stat st;
    if (!strcmp(path, "-"))
        return add(sources, path, path, err) ? 0 : -1;
    if (stat(path, &st))
        return strpbrk(path, "*?[") ? add_glob(sources, path, err)
                                    : error_errno(err, STATUS_INPUT, path);
    if (S_ISDIR(st.st_mode))
        return add_folder(sources, path, err);
    return add(sources, path, base_name(path), err) ? 0 : -1;
}

/* The files added from `first` on are those of one item of the configuration. */
static int name_item(struct sources *sources, size_t first, const char *item, struct error *err)
{
    for (size_t i = first; i < sources->count; i++) {
        sources->item[i].number = sources->items;
        if (!(sources->item[i].item = strdup(item)))
            return error_set(err, STATUS_FAILED, "%s: out of memory", item);
    }
    sources->items++;
    return 0;
}

static int add_item(struct sources *sources, const char *path, struct error *err)
{
    size_t first = sources->count;
    return add_files(sources, path, err) || name_item(sources, first, path, err) ? -1 : 0;
}

int sources_of(const char *path, enum document_of of, struct sources *sources, struct error *err)
{
    *sources = (struct sources){.of = of};
    if (!add_item(sources, path, err))
        return 0;
    sources_fini(sources);
    return -1;
}

static enum document_of wanted_by(const struct config *config)
{
    if (dataset_is_clips(config))
        return DOCUMENTS_OF_CAPTIONS;
    return dataset_is_text(config) ? DOCUMENTS_OF_TEXTS : DOCUMENTS_OF_SERIES;
}

int sources_clip(const char *path, struct sources *sources, struct error *err)
{
    *sources = (struct sources){.of = DOCUMENTS_OF_CAPTIONS};
    if (add(sources, path, base_name(path), err) && !name_item(sources, 0, path, err))
        return 0;
    sources_fini(sources);
    return -1;
}

int sources_given(const struct config *config, const char *path, struct sources *sources,
                  int *is_clip, struct error *err)
{
    const enum document_of of = wanted_by(config);
    *is_clip = of == DOCUMENTS_OF_CAPTIONS && !document_is_named(path, of);
    return *is_clip ? sources_clip(path, sources, err) : sources_of(path, of, sources, err);
}

/* --- manifest */

/* A path as Windows has it, if no file has this name but one with slashes does. */
static void turn_slashes(char *path)
{
    struct stat st;
    if (!path || !strchr(path, '\\') || !stat(path, &st))
        return;
    char *turned = strdup(path);
    for (char *p = turned; p && (p = strchr(p, '\\'));)
        *p = '/';
    if (turned && !stat(turned, &st))
        strcpy(path, turned);
    free(turned);
}

/* A path of the manifest, which counts from its folder. */
static char *beside(const char *manifest, const char *path)
{
    const char *slash = strrchr(manifest, '/');
    char *folder = *path != '/' && slash ? strndup(manifest, (size_t)(slash - manifest) + 1) : NULL;
    char *joined = *path == '/' || !slash ? strdup(path) : folder ? file_join(folder, path) : NULL;
    free(folder);
    turn_slashes(joined);
    return joined;
}

/* The current row: every column but path and name says what the series calls the column. */
static int add_row(struct sources *sources, const struct csv *csv, size_t path, size_t name,
                   struct error *err)
{
    const char *called = name < csv->columns ? csv->field[name].text : "";
    if (!csv->field[path].length)
        return error_set(err, STATUS_INPUT, "%s:%llu: the path is empty", csv->path,
                         (unsigned long long)csv->line);
    char *full = beside(csv->path, csv->field[path].text);
    struct source *source = full ? add(sources, full, *called ? called : base_name(full), err)
                                 : (error_set(err, STATUS_FAILED, "out of memory"), NULL);
    if (source && name_item(sources, sources->count - 1, full, err))
        source = NULL;
    free(full);
    if (!source || !(source->rename = calloc(csv->columns, sizeof *source->rename)))
        return source ? error_set(err, STATUS_FAILED, "%s: out of memory", csv->path) : -1;
    for (size_t i = 0; i < csv->columns; i++) {
        struct rename *rename = &source->rename[source->renames];
        if (i == path || i == name || !csv->field[i].length)
            continue;
        source->renames++;
        rename->ours = strdup(csv->name[i]);
        rename->theirs = strdup(csv->field[i].text);
        if (!rename->ours || !rename->theirs)
            return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    }
    return 0;
}

/* No name stands twice: each says what the series call a column. */
static int check_names(const struct csv *csv, struct error *err)
{
    size_t at;
    for (size_t i = 0; i < csv->columns; i++)
        if (*csv->name[i] && csv_find(csv, csv->name[i], &at, err))
            return -1;
    return 0;
}

int manifest_read(const char *path, struct sources *sources, struct error *err)
{
    struct csv *csv = csv_open(path, NULL, err);
    size_t paths, names = 0, before = sources->count;
    struct error no_name;
    int more = -1;
    if (csv && !check_names(csv, err) && !csv_find(csv, "path", &paths, err)) {
        if (csv_find(csv, "name", &names, &no_name))
            names = csv->columns;
        while ((more = csv_next(csv, err)) > 0)
            if (add_row(sources, csv, paths, names, err)) {
                more = -1;
                break;
            }
        if (!more)
            more = csv_unchanged(csv, err);
    }
    csv_close(csv);
    if (!more && sources->count == before)
        return error_set(err, STATUS_INPUT, "%s: the manifest lists no series", path);
    return more;
}

const char *source_column(const struct source *source, const char *ours)
{
    for (size_t i = 0; i < source->renames; i++)
        if (csv_same_name(source->rename[i].ours, ours))
            return source->rename[i].theirs;
    return ours;
}

/* --- all of a configuration */

/* The files of one part and, beside each, the one that holds its targets. */
static int add_part(struct sources *sources, const struct list *items, const struct list *targets,
                    int part, const char *key, struct error *err)
{
    size_t first = sources->count;
    struct sources beside = {.of = sources->of};
    int result = 0;
    for (size_t i = 0; i < items->count && !result; i++)
        result = add_item(sources, items->item[i], err);
    for (size_t i = 0; i < targets->count && !result; i++)
        result = add_item(&beside, targets->item[i], err);
    if (!result && targets->count && beside.count != sources->count - first)
        result = error_set(err, STATUS_USAGE, "[data] %starget_source: %zu files beside %zu of %s",
                           part == PART_VALIDATION ? "validation_"
                           : part == PART_TEST     ? "test_"
                                                   : "",
                           beside.count, sources->count - first, key);
    for (size_t i = first; i < sources->count && !result; i++) {
        sources->item[i].part = part;
        if (targets->count) {
            sources->item[i].target = beside.item[i - first].path;
            beside.item[i - first].path = NULL;
        }
    }
    sources_fini(&beside);
    return result;
}

/* What tells a file from all others, whatever it is called. */
struct identity {
    uint64_t device, number;
    size_t index;
};

static int compare_identities(const void *a, const void *b)
{
    const struct identity *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int check_twice(const struct sources *sources, struct error *err)
{
    struct identity *id = malloc((sources->count + 1) * sizeof *id);
    size_t count = 0;
    int result = id ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < sources->count && !result; i++) {
        struct stat st;
        if (!look_up(sources->item[i].path, &st)) /* reading tells what is wrong with it */
            id[count++] = (struct identity){(uint64_t)st.st_dev, (uint64_t)st.st_ino, i};
    }
    if (!result)
        qsort(id, count, sizeof *id, compare_identities);
    for (size_t i = 1; i < count && !result; i++)
        if (id[i].device == id[i - 1].device && id[i].number == id[i - 1].number)
            result = error_set(err, STATUS_USAGE, "%s: this file is named twice among the sources",
                               sources->item[id[i].index].path);
    free(id);
    return result;
}

int sources_find(const struct config *config, struct sources *sources, struct error *err)
{
    static const struct list none;
    const struct list *targets = &config->data.target_source;
    const char *manifest = config->data.manifest;
    *sources = (struct sources){.of = wanted_by(config)};
    int result = manifest && *manifest ? manifest_read(manifest, sources, err) : 0;
    size_t listed = sources->count;
    if (!result)
        result = add_part(sources, &config->data.source, listed ? &none : targets, SOURCE_DEALT,
                          "source", err);
    if (!result && listed && targets->count)
        result = error_set(err, STATUS_USAGE, "[data] target_source: not beside a manifest");
    if (!result)
        result = add_part(sources, &config->data.validation_source,
                          &config->data.validation_target_source, PART_VALIDATION,
                          "validation_source", err);
    if (!result)
        result = add_part(sources, &config->data.test_source, &config->data.test_target_source,
                          PART_TEST, "test_source", err);
    for (size_t i = 0; i < sources->count && !result; i++)
        if (!sources->item[i].target != !targets->count)
            result = error_set(err, STATUS_USAGE,
                               "%s: no file with targets is named beside it, as there is beside "
                               "others",
                               sources->item[i].path);
    if (!result && !check_twice(sources, err))
        return 0;
    sources_fini(sources);
    return -1;
}
