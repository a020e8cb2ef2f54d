/* SPDX-License-Identifier: MIT */
#include "hf/index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hf/json.h"
#include "util/shown.h"

void hf_index_fini(struct hf_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        free(index->tensor[i].name);
    for (size_t i = 0; i < index->files; i++)
        free(index->file[i]);
    free(index->tensor);
    free(index->file);
    *index = (struct hf_index){0};
}

static int by_name(const void *a, const void *b)
{
    const struct hf_place *x = a, *y = b;
    return strcmp(x->name, y->name);
}

const struct hf_place *hf_index_find(const struct hf_index *index, const char *name)
{
    const struct hf_place key = {.name = (char *)(uintptr_t)name};
    return index->count ? bsearch(&key, index->tensor, index->count, sizeof key, by_name) : NULL;
}

/* Whether a path stays inside the folder: not absolute, no part of it "", "." or "..". */
static int stays_inside(const char *path)
{
    for (size_t n; (n = strcspn(path, "/")) > 0; path += n + 1) {
        if (!strncmp(path, "..", n) && n <= 2)
            return 0;
        if (!path[n])
            return 1;
    }
    return 0;
}

/* The number of a file of that name, made where there is none yet; -1 with an error. */
static long number_of(struct hf_index *index, const char *file, const char *path, struct error *err)
{
    for (size_t i = index->files; i-- > 0;) /* tensors of a file mostly follow one another */
        if (!strcmp(index->file[i], file))
            return (long)i;
    if (!stays_inside(file))
        return error_set(err, STATUS_INPUT, "%s: weight_map names '%s': no file inside the folder",
                         path, show_name(file).text);
    if (index->files == HF_INDEX_FILES)
        return error_set(err, STATUS_INPUT, "%s: weight_map names more than %d files", path,
                         HF_INDEX_FILES);
    if (!(index->file[index->files] = strdup(file)))
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    return (long)index->files++;
}

static int take(struct hf_index *index, const char *name, const json_t *value, const char *path,
                struct error *err)
{
    if (!json_is_string(value))
        return error_set(err, STATUS_INPUT, "%s: the file of tensor '%s' is no text", path,
                         show_name(name).text);
    long file = number_of(index, json_string_value(value), path, err);
    if (file < 0)
        return -1;
    if (!(index->tensor[index->count].name = strdup(name)))
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    index->tensor[index->count++].file = (size_t)file;
    return 0;
}

int hf_index_parse(struct hf_index *to, const char *text, size_t size, const char *name,
                   struct error *err)
{
    *to = (struct hf_index){0};
    json_t *json = hf_json(text, size, name, err), *map = json_object_get(json, "weight_map");
    json_t *value;
    const char *key;
    int failed = !json;
    if (json && (!json_is_object(map) || !json_object_size(map)))
        failed = error_set(err, STATUS_INPUT, "%s: it has no weight_map", name);
    if (!failed) {
        to->tensor = calloc(json_object_size(map), sizeof *to->tensor);
        to->file = calloc(HF_INDEX_FILES, sizeof *to->file);
        if (!to->tensor || !to->file)
            failed = error_set(err, STATUS_FAILED, "%s: out of memory", name);
    }
    json_object_foreach(map, key, value)
    {
        if (failed)
            break;
        failed = take(to, key, value, name, err);
    }
    if (to->count)
        qsort(to->tensor, to->count, sizeof *to->tensor, by_name);
    json_decref(json);
    return failed ? -1 : 0;
}
