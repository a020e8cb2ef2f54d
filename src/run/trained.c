/* SPDX-License-Identifier: MIT */
#include "run/trained.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/reading.h"
#include "hf/config.h"
#include "models/model.h"
#include "text/tokenizer.h"
#include "train/adapters.h"
#include "train/base.h"
#include "util/file.h"

#define WINDOW ((size_t)1024) /* of a folder's model, which may have been made for less */
#define OWN 6                 /* settings that a folder stands for */

/* Whether the folder has a file of this name; `otherwise` where that cannot be told. */
static int has_file(const char *folder, const char *name, int otherwise)
{
    struct stat status;
    char *path = file_join(folder, name);
    int has = path && !stat(path, &status);
    if (!has && (!path || (errno != ENOENT && errno != ENOTDIR)))
        has = otherwise;
    free(path);
    return has;
}

/* Who then reads the folder tells what keeps it from being read. */
int trained_is_folder(const char *path)
{
    struct stat status;
    if (!stat(path, &status) && !S_ISDIR(status.st_mode))
        return 0;
    return has_file(path, "config.json", 1) && !has_file(path, "best.safetensors", 0);
}

char *trained_path(const char *path)
{
    return file_is_folder(path) && !trained_is_folder(path) ? file_join(path, "best.safetensors")
                                                            : strdup(path);
}

/* "name=value", the value in quotes; the caller frees. NULL: memory. */
static char *setting(const char *name, const char *value)
{
    char *quoted = config_quote(value), *text = NULL;
    const size_t size = quoted ? strlen(name) + strlen(quoted) + 2 : 0;
    if (quoted && (text = malloc(size)))
        snprintf(text, size, "%s=%s", name, quoted);
    free(quoted);
    return text;
}

/* The configuration of a folder: ours first, so that `settings` win. */
static struct config *folder_config(const char *path, const char *source, size_t window,
                                    char *const *settings, size_t count, struct error *err)
{
    char number[24], **all = calloc(count + OWN, sizeof *all);
    struct config *config = NULL;
    size_t n = 0, own;
    snprintf(number, sizeof number, "%zu", window);
    if (!all) {
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
        return NULL;
    }
    all[n++] = setting("model.type", "language");
    all[n++] = setting("model.base", path);
    all[n++] = setting("data.window", number);
    all[n++] = setting("train.batch", "8");
    all[n++] = setting("model.freeze", "*"); /* so that model.quantize has what it quantises */
    if (source)
        all[n++] = setting("data.source", source);
    own = n;
    int failed = 0;
    for (size_t i = 0; i < own; i++)
        failed |= !all[i];
    for (size_t i = 0; i < count; i++)
        all[n++] = settings[i];
    if (failed)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else
        config = config_load_with(NULL, all, n, model_check, err);
    for (size_t i = 0; i < own; i++)
        free(all[i]);
    free(all);
    return config;
}

static int read_folder(struct checkpoint *c, const char *path, const char *source,
                       char *const *settings, size_t count, struct error *err)
{
    struct hf_config hf;
    *c = (struct checkpoint){0};
    if (hf_config_read(&hf, path, err))
        return -1;
    const size_t window = hf.positions < WINDOW ? hf.positions : WINDOW;
    if (!(c->config = folder_config(path, source, window, settings, count, err)))
        return -1;
    c->fitted.tokenizer = tokenizer_named(c->config->data.tokenizer, err);
    return c->fitted.tokenizer ? 0 : -1;
}

int trained_read(struct checkpoint *c, const char *path, const char *source, char *const *settings,
                 size_t count, struct error *err)
{
    if (trained_is_folder(path) ? read_folder(c, path, source, settings, count, err)
                                : checkpoint_read(c, path, settings, count, model_check, err))
        return -1;
    for (size_t i = 0; i < count; i++)
        c->replaces |= reading_sets(settings[i], "adapter.file");
    return c->replaces ? adapters_replace(c->config, err) : 0;
}

int trained_load_params(const struct checkpoint *c, const char *path, struct params *params,
                        struct error *err)
{
    if (!c->st        ? base_load(params, path, err)
        : c->replaces ? checkpoint_load_model_params(params, c->st, path, err)
                      : checkpoint_load_params(params, c->st, path, err))
        return -1;
    return c->replaces ? adapters_load(params, c->config, err) : 0;
}

int trained_load(const struct checkpoint *c, const char *path, struct engine *e, struct error *err)
{
    return trained_load_params(c, path, e->params, err);
}

int trained_meta(const struct checkpoint *c, struct safetensors *to, struct error *err)
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

int trained_summed(const struct checkpoint *c)
{
    return !c->st || c->st->summed;
}
