/* SPDX-License-Identifier: MIT */
#include "run/kept.h"

#include <jansson.h>
#include <string.h>

#include "models/model.h"

/* The first key of [data] in which what is fitted would be another thing; NULL: none. */
static const char *find_other(const json_t *then, const json_t *now)
{
    static const char *const keys[] = {"features",         "targets",  "scaler",
                                       "target_transform", "channels", "tokenizer"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(then, keys[i]), json_object_get(now, keys[i])))
            return keys[i];
    return NULL;
}

static int check_same(const struct checkpoint *c, const struct config *config, struct error *err)
{
    json_t *then = config_json(c->config), *now = config_json(config);
    const char *key = NULL;
    if (then && now)
        key = find_other(json_object_get(then, "data"), json_object_get(now, "data"));
    const int failed = !then || !now;
    json_decref(then);
    json_decref(now);
    if (failed)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!key)
        return 0;
    return error_set(err, STATUS_USAGE,
                     "[data] fitted_by: data.%s is not that of %s: what was fitted there does not "
                     "fit here; train --refit, or an empty data.fitted_by, fits it anew",
                     key, config->data.fitted_by);
}

int kept_read(struct checkpoint *c, const struct config *config, struct error *err)
{
    memset(c, 0, sizeof *c);
    if (!*config->data.fitted_by)
        return 0;
    if (checkpoint_read(c, config->data.fitted_by, NULL, 0, model_check, err))
        return error_prefix(err, "[data] fitted_by");
    if (check_same(c, config, err)) {
        checkpoint_fini(c);
        return -1;
    }
    safetensors_free(c->st); /* weights are not what it is about */
    c->st = NULL;
    return 0;
}
