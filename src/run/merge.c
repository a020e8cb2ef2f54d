/* SPDX-License-Identifier: MIT */
#include "run/merge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "models/model.h"
#include "run/folded.h"
#include "train/checkpoint.h"

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

/* What the metadata say of the model; the plan and the state of a run are not of this one. */
static int add_meta(const struct checkpoint *c, struct safetensors *to, struct error *err)
{
    char *config = config_text(c->config);
    int failed = config ? safetensors_set(to, "config", config, err)
                        : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < c->st->metas && !failed; i++) {
        const char *key = c->st->meta[i].key;
        if (strcmp(key, "config") != 0 && strcmp(key, "plan") != 0 && strcmp(key, "state") != 0)
            failed = safetensors_set(to, key, c->st->meta[i].value, err);
    }
    free(config);
    return failed;
}

static int write_checkpoint(struct checkpoint *c, struct folded *f, const char *to,
                            struct error *err)
{
    struct safetensors *st = safetensors_new();
    int failed = st ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", to);
    for (size_t i = 0; i < f->count && !failed; i++)
        failed = folded_add(f, i, st, folded_name(f, i), DTYPE_F32, err);
    failed = failed || make_plain(c->config, err) || add_meta(c, st, err) ||
             safetensors_write(st, to, err);
    safetensors_free(st);
    return failed ? -1 : 0;
}

/* That another file is written than is read, and no folder. */
static int check_files(const char *from, const char *to, struct error *err)
{
    struct stat in, out;
    if (stat(to, &out))
        return 0;
    if (S_ISDIR(out.st_mode))
        return error_set(err, STATUS_USAGE, "-o %s: this is a folder, and merge writes a file", to);
    if (!stat(from, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return error_set(err, STATUS_USAGE,
                         "-o %s: this is the checkpoint, which would be overwritten", to);
    return 0;
}

int merge(const char *from, const char *to, struct merged *merged, struct error *err)
{
    struct checkpoint c;
    struct folded f = {0};
    if (check_files(from, to, err) || checkpoint_read(&c, from, NULL, 0, model_check, err))
        return -1;
    const double r = (double)c.config->adapter.r, alpha = c.config->adapter.alpha;
    int failed =
        folded_init(&f, c.st, from, alpha > 0 ? alpha / r : 1, model_in_out(c.config), err);
    if (!failed && !f.layers && !f.packed)
        failed = error_set(err, STATUS_USAGE, "%s: the model has no adapter", from);
    failed = failed || write_checkpoint(&c, &f, to, err);
    *merged = (struct merged){f.layers, f.packed};
    folded_fini(&f);
    checkpoint_fini(&c);
    return failed ? -1 : 0;
}
