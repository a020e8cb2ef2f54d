/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes hf/config: any bytes are a config.json. What is taken must have sizes within their limits,
 * heads that share each other, and an even width of a head that is turned.
 */
#include "hf/config.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_config c;
    struct error err;
    if (hf_config_parse(&c, (const char *)bytes, size, "fuzz", &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
        return 0;
    }
    const size_t sizes[] = {c.vocabulary, c.width,      c.layers,      c.heads,
                            c.key_heads,  c.head_width, c.feedforward, c.positions};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check(sizes[i] > 0 && sizes[i] <= 4000000000);
    check(c.heads % c.key_heads == 0 && c.norm_eps >= 0 && c.norm_eps <= 1);
    check(c.shape == HF_GPT2 ? c.rotary_base == 0 && c.heads * c.head_width == c.width
                             : c.rotary_base > 0 && c.head_width % 2 == 0);
    check(c.scaling.kind == HF_SCALING_NONE || c.scaling.factor > 0);
    check(c.scaling.kind != HF_SCALING_LLAMA3 ||
          (c.scaling.low < c.scaling.high && c.scaling.positions >= 1));
    return 0;
}
