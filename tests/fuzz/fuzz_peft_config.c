/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes hf/peft: any bytes are an adapter_config.json. What is taken has numbers within their
 * bounds and names that can stand in a list of a configuration.
 */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "hf/peft.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct peft_config config;
    struct error err = {0};
    if (peft_config_parse(&config, (const char *)bytes, size, "fuzz", &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    } else {
        check(config.rank >= 1 && config.rank <= PEFT_MOST_RANK);
        check(config.alpha > 0 && isfinite(config.alpha));
        check(config.dropout >= 0 && config.dropout < 1);
        for (size_t i = 0; i < config.targets; i++)
            check(*config.target[i] && !strpbrk(config.target[i], " ,;#\"'()*?[\n"));
    }
    peft_config_fini(&config);
    return 0;
}
