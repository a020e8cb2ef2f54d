/* SPDX-License-Identifier: MIT */
#include "hf/folder.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hf/index.h"
#include "hf/json.h"
#include "util/file.h"
#include "util/shown.h"

#define SINGLE "model.safetensors"

void hf_folder_close(struct hf_folder *folder)
{
    if (!folder)
        return;
    for (size_t i = 0; i < folder->files; i++)
        safetensors_free(folder->file[i]);
    free(folder->file);
    free(folder->tensor);
    free(folder->path);
    free(folder);
}

static int by_name(const void *a, const void *b)
{
    const struct safetensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Opens a file of the folder, whose tensors are added to those that are held; -1 with an error. */
static int open_file(struct hf_folder *folder, const char *name, size_t *held, struct error *err)
{
    char *path = file_join(folder->path, name);
    struct safetensors *st = path ? safetensors_open(path, err) : NULL;
    if (!path)
        error_set(err, STATUS_FAILED, "%s: out of memory", folder->path);
    free(path);
    if (!st)
        return -1;
    folder->file[folder->files++] = st;
    *held += st->count;
    if (*held > HF_FOLDER_TENSORS)
        return error_set(err, STATUS_INPUT, "%s: its files hold more than %d tensors", folder->path,
                         HF_FOLDER_TENSORS);
    return 0;
}

/* An array of zeros; NULL with an error. */
static void *make_room(const struct hf_folder *folder, size_t count, size_t size, struct error *err)
{
    void *room = calloc(count + 1, size);
    if (!room)
        error_set(err, STATUS_FAILED, "%s: out of memory", folder->path);
    return room;
}

/* All tensors of the one file. */
static int open_single(struct hf_folder *folder, struct error *err)
{
    size_t held = 0;
    if (!(folder->file = make_room(folder, 1, sizeof *folder->file, err)) ||
        open_file(folder, SINGLE, &held, err))
        return -1;
    const struct safetensors *st = folder->file[0];
    if (!(folder->tensor = make_room(folder, st->count, sizeof *folder->tensor, err)))
        return -1;
    for (; folder->count < st->count; folder->count++)
        folder->tensor[folder->count] = &st->tensor[folder->count];
    qsort(folder->tensor, folder->count, sizeof *folder->tensor, by_name);
    return 0;
}

/* Those of a file that the index says to be there. */
static void take_named(struct hf_folder *folder, const struct hf_index *index, size_t file)
{
    const struct safetensors *st = folder->file[file];
    for (size_t i = 0; i < st->count; i++) {
        const struct hf_place *place = hf_index_find(index, st->tensor[i].name);
        if (place && place->file == file)
            folder->tensor[place - index->tensor] = &st->tensor[i];
    }
}

static int open_indexed(struct hf_folder *folder, const struct hf_index *index, struct error *err)
{
    size_t held = 0;
    if (!(folder->file = make_room(folder, index->files, sizeof *folder->file, err)) ||
        !(folder->tensor = make_room(folder, index->count, sizeof *folder->tensor, err)))
        return -1;
    for (size_t i = 0; i < index->files; i++) {
        if (open_file(folder, index->file[i], &held, err))
            return -1;
        take_named(folder, index, i);
    }
    for (; folder->count < index->count; folder->count++) {
        const struct hf_place *place = &index->tensor[folder->count];
        if (!folder->tensor[folder->count])
            return error_set(err, STATUS_INPUT,
                             "%s/" HF_INDEX_NAME ": tensor '%s' is not in '%s', where it is to be",
                             folder->path, show_name(place->name).text,
                             show_name(index->file[place->file]).text);
    }
    return 0;
}

static int open_index(struct hf_folder *folder, const char *path, struct error *err)
{
    struct hf_index index = {0};
    size_t size;
    char *text = file_read(path, HF_INDEX_MOST, &size, err);
    int failed =
        !text || hf_index_parse(&index, text, size, path, err) || open_indexed(folder, &index, err);
    hf_index_fini(&index);
    free(text);
    return failed ? -1 : 0;
}

/* Whether a file is there; -1 with an error where that cannot be told. */
static int is_there(const char *path, struct error *err)
{
    struct stat status;
    if (!stat(path, &status))
        return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, STATUS_INPUT, path);
}

/* Opens the one file or those of the index. */
static int open_weights(struct hf_folder *folder, const char *single, const char *index,
                        struct error *err)
{
    int there = is_there(single, err);
    if (there > 0)
        return open_single(folder, err);
    if (there < 0 || (there = is_there(index, err)) < 0)
        return -1;
    return there ? open_index(folder, index, err)
                 : error_set(err, STATUS_INPUT,
                             "%s: no " SINGLE " and no " HF_INDEX_NAME " is there", folder->path);
}

struct hf_folder *hf_folder_open(const char *path, struct error *err)
{
    struct hf_folder *folder = calloc(1, sizeof *folder);
    char *single = file_join(path, SINGLE), *index = file_join(path, HF_INDEX_NAME);
    int failed = -1;
    if (folder)
        folder->path = strdup(path);
    if (!folder || !folder->path || !single || !index)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        failed = open_weights(folder, single, index, err);
    free(index);
    free(single);
    if (failed) {
        hf_folder_close(folder);
        return NULL;
    }
    return folder;
}

const struct safetensor *hf_folder_find(const struct hf_folder *folder, const char *name)
{
    const struct safetensor key = {.name = (char *)(uintptr_t)name}, *at = &key;
    const struct safetensor **found =
        bsearch(&at, folder->tensor, folder->count, sizeof *folder->tensor, by_name);
    return found ? *found : NULL;
}

static const char *const stems[] = {"model.", "transformer.", "vit.", "vision_model."};

const struct safetensor *hf_folder_weight(const struct hf_folder *folder, const char *name)
{
    const struct safetensor *found = hf_folder_find(folder, name);
    for (size_t i = 0; !found && i < sizeof stems / sizeof *stems; i++)
        if (!strncmp(name, stems[i], strlen(stems[i])))
            found = hf_folder_find(folder, name + strlen(stems[i]));
    return found;
}

int hf_folder_is_buffer(const char *name)
{
    static const char *const ends[] = {".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"};
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (n > strlen(ends[i]) && !strcmp(name + n - strlen(ends[i]), ends[i]))
            return 1;
    return 0;
}

int hf_folder_raw(const struct safetensor *tensor, size_t first, size_t bytes, void *to,
                  struct error *err)
{
    return tensor->fetch(tensor->from, tensor->at + first, bytes, to, err);
}

int hf_folder_floats(const struct hf_folder *folder, const struct safetensor *tensor, size_t first,
                     size_t count, float *to, struct error *err)
{
    if (!dtype_has_floats(tensor->dtype))
        return error_set(err, STATUS_INPUT,
                         "%s: tensor '%s' is of type %s: F32, BF16 and F16 are read", folder->path,
                         show_name(tensor->name).text, dtype_name(tensor->dtype));
    const size_t size = dtype_bytes(tensor->dtype, 1);
    char *end = (char *)to + count * (sizeof *to - size); /* of the room: narrow numbers fill it */
    if (hf_folder_raw(tensor, first * size, count * size, end, err))
        return -1;
    dtype_floats(tensor->dtype, end, count, to);
    return 0;
}
