/* SPDX-License-Identifier: MIT */
#include "run/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hf/config.h"
#include "hf/folder.h"
#include "models/model.h"
#include "run/folded.h"
#include "run/trained.h"
#include "train/checkpoint.h"
#include "util/file.h"

/* The configuration of the model without adapter and packed matrices. */
static int make_plain(struct config *config, struct error *err)
{
    static const struct {
        const char *section, *key, *value;
    } keys[] = {{"adapter", "r", "0"},       {"adapter", "alpha", "0"},
                {"adapter", "dropout", "0"}, {"adapter", "target", "all"},
                {"adapter", "file", ""},     {"model", "quantize", "none"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (config_set(config, keys[i].section, keys[i].key, keys[i].value, err))
            return -1;
    return 0;
}

static int write_checkpoint(struct checkpoint *c, struct folded *f, const char *to,
                            struct error *err)
{
    struct safetensors *st = safetensors_new();
    int failed = st ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", to);
    for (size_t i = 0; i < f->count && !failed; i++)
        failed = folded_add(f, i, st, folded_name(f, i), DTYPE_F32, err);
    failed = failed || make_plain(c->config, err) || trained_meta(c, st, err) ||
             safetensors_write(st, to, err);
    safetensors_free(st);
    return failed ? -1 : 0;
}

/* --- folders */

/* What belongs to a model beside its weights, where it is there. */
static const char *const beside[] = {
    "config.json",       "generation_config.json",  "tokenizer.json", "tokenizer_config.json",
    "tokenizer.model",   "special_tokens_map.json", "vocab.json",     "merges.txt",
    "added_tokens.json", "chat_template.jinja"};
#define BESIDE_MOST ((size_t)256 << 20) /* bytes of a file */

static int copy_file(const char *from, const char *to, struct error *err)
{
    struct stat state;
    size_t size;
    if (stat(from, &state) && errno == ENOENT)
        return 0;
    char *bytes = file_read(from, BESIDE_MOST, &size, err);
    int failed = bytes ? file_write(to, bytes, size, err) : -1;
    free(bytes);
    return failed;
}

static int copy_beside(const char *from, const char *to, struct error *err)
{
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char *in = file_join(from, beside[i]), *out = file_join(to, beside[i]);
        int failed = in && out ? copy_file(in, out, err)
                               : error_set(err, STATUS_FAILED, "%s: out of memory", to);
        free(in);
        free(out);
        if (failed)
            return -1;
    }
    return 0;
}

/* The weights by the names and in the types of the base folder. */
static int add_weights(struct folded *f, const struct hf_folder *base, struct safetensors *st,
                       struct error *err)
{
    if (safetensors_set(st, "format", "pt", err))
        return -1;
    for (size_t i = 0; i < f->count; i++) {
        const char *name = folded_name(f, i);
        const struct safetensor *t = hf_folder_weight(base, name);
        if (!t || !dtype_has_floats(t->dtype))
            return error_set(err, STATUS_INPUT, "%s: %s is not there as numbers", base->path, name);
        if (folded_add(f, i, st, t->name, t->dtype, err))
            return -1;
    }
    return 0;
}

static int write_weights(struct folded *f, const struct hf_folder *base, const char *to,
                         struct error *err)
{
    struct safetensors *st = safetensors_new();
    char *path = file_join(to, "model.safetensors");
    int failed = st && path ? add_weights(f, base, st, err) || safetensors_write(st, path, err)
                            : error_set(err, STATUS_FAILED, "%s: out of memory", to);
    safetensors_free(st);
    free(path);
    return failed ? -1 : 0;
}

/* The weights come last: a folder without them is none of a model. */
static int write_folder(struct folded *f, const char *base, const char *to, struct error *err)
{
    struct hf_config config;
    if (hf_config_read(&config, base, err))
        return -1;
    if (config.packed != HF_PLAIN)
        return error_set(err, STATUS_USAGE,
                         "%s: its matrices are quantised, and so would those of a folder be: "
                         "-o NAME.safetensors writes a checkpoint",
                         base);
    struct hf_folder *folder = hf_folder_open(base, err);
    int failed = !folder || file_mkdir(to, err) || copy_beside(base, to, err) ||
                 write_weights(f, folder, to, err);
    hf_folder_close(folder);
    return failed ? -1 : 0;
}

/* --- */

/* Whether a folder is asked for: of a model that has come from one, by a name that is no
 * checkpoint's. */
static int wants_folder(const struct config *config, const char *to)
{
    static const char end[] = ".safetensors";
    const size_t n = strlen(to), own = sizeof end - 1;
    return *config->model.base && (n < own || strcmp(to + n - own, end) != 0);
}

/* That nothing is overwritten but a file that is not read. */
static int check_output(const char *from, const char *to, int is_folder, struct error *err)
{
    struct stat in, out;
    if (stat(to, &out))
        return 0;
    if (is_folder)
        return error_set(err, STATUS_USAGE,
                         "-o %s: this is there already, and merge makes a new folder", to);
    if (S_ISDIR(out.st_mode))
        return error_set(err, STATUS_USAGE, "-o %s: this is a folder, and merge writes a file", to);
    if (!stat(from, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return error_set(err, STATUS_USAGE,
                         "-o %s: this is the checkpoint, which would be overwritten", to);
    return 0;
}

static int write_merged(struct checkpoint *c, const char *from, const char *to, struct folded *f,
                        struct error *err)
{
    const long r = c->config->adapter.r;
    const double alpha = c->config->adapter.alpha, scale = r && alpha > 0 ? alpha / (double)r : 1;
    const int is_folder = wants_folder(c->config, to);
    if (is_folder && model_prefix(c->config))
        return error_set(err, STATUS_USAGE,
                         "-o %s: a folder holds a language model, and none of the projector of a "
                         "model of type %s: -o NAME.safetensors writes a checkpoint with both",
                         to, model_of(c->config)->name);
    if (check_output(from, to, is_folder, err) ||
        folded_init(f, c->st, from, scale, model_in_out(c->config), err))
        return -1;
    if (f->layers && !r)
        return error_set(err, STATUS_INPUT, "%s: holds an adapter that its configuration lacks",
                         from);
    if (is_folder)
        return write_folder(f, c->config->model.base, to, err);
    if (!f->layers && !f->packed)
        return error_set(err, STATUS_USAGE, "%s: the model has no adapter", from);
    return write_checkpoint(c, f, to, err);
}

int merge(const char *from, const char *to, struct merged *merged, struct error *err)
{
    struct checkpoint c;
    struct folded f = {0};
    if (checkpoint_read(&c, from, NULL, 0, model_check, err))
        return -1;
    int failed = write_merged(&c, from, to, &f, err);
    *merged = (struct merged){f.layers, f.packed};
    folded_fini(&f);
    checkpoint_fini(&c);
    return failed;
}
