/* SPDX-License-Identifier: MIT */
#include "hf/json.h"

#include "util/jsonmem.h"
#include "util/shown.h"

json_t *hf_json(const char *text, size_t size, const char *name, struct error *err)
{
    json_error_t fault;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (json_is_object(json))
        return json;
    if (!json && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", name);
    else if (!json)
        error_set(err, STATUS_INPUT, "%s:%d: %s", name, fault.line, show_name(fault.text).text);
    else
        error_set(err, STATUS_INPUT, "%s: not an object of names and values", name);
    json_decref(json);
    return NULL;
}
