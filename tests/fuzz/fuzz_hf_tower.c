/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes hf/tower: any bytes are a config.json. What is taken must have sizes within their limits,
 * heads of equal widths and patches within the image.
 */
#include "hf/tower.h"

#include <string.h>

#include "fuzz.h"

static void check_layers(const struct hf_layers *l)
{
    check(l->width && l->width <= 65536 && l->layers && l->layers <= 1000);
    check(l->heads && l->width % l->heads == 0 && l->feedforward && l->feedforward <= 262144);
    check(l->norm_eps >= 0 && l->norm_eps <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_tower t;
    struct error err;
    if (hf_tower_parse(&t, (const char *)bytes, size, "fuzz", &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
        return 0;
    }
    check_layers(&t.vision.layers);
    check(t.vision.channels && t.vision.channels <= 64);
    check(hf_tower_patches(&t) >= 1 && hf_tower_patches(&t) <= 65536);
    if (!t.has_text)
        return 0;
    check_layers(&t.text.layers);
    check(t.text.vocabulary && t.text.vocabulary <= 10000000);
    check(t.text.positions && t.text.positions <= 65536 && t.text.projection);
    check(t.text.pad >= -1 && t.text.pad <= 10000000);
    return 0;
}
