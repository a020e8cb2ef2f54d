/* SPDX-License-Identifier: MIT */
#include "hf/json.h"

#include <stdio.h>

#include "util/jsonmem.h"

struct hf_shown hf_show(const char *name)
{
    struct hf_shown shown;
    snprintf(shown.text, sizeof shown.text, "%s", name);
    for (char *p = shown.text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return shown;
}

json_t *hf_json(const char *text, size_t size, const char *name, struct error *err)
{
    json_error_t fault;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (json_is_object(json))
        return json;
    if (!json && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", name);
    else if (!json)
        error_set(err, STATUS_INPUT, "%s:%d: %s", name, fault.line, hf_show(fault.text).text);
    else
        error_set(err, STATUS_INPUT, "%s: not an object of names and values", name);
    json_decref(json);
    return NULL;
}
