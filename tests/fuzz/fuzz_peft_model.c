/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes hf/peft: any bytes are an adapter_model.safetensors, without adapter_config.json. What is
 * taken has an A and a B of one rank for each layer.
 */
#include <string.h>

#include "fuzz.h"
#include "hf/peft.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    struct error err = {0};
    int fd = fuzz_file(bytes, size, path);
    struct peft *peft = peft_open(path, &err);
    if (!peft) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    } else {
        check(peft->config.rank >= 1 && !peft->has_config);
        check(2 * peft->config.targets == peft->st->count);
        for (size_t i = 0; i < peft->st->count; i++) {
            const char *name = peft_param(peft->st->tensor[i].name);
            const int is_a = strstr(name, ".lora_A.") != NULL;
            const struct safetensor *t = peft_find(peft, name);
            check(t && t->rank == 2 && (is_a || strstr(name, ".lora_B.")));
        }
    }
    peft_close(peft);
    close(fd);
    return 0;
}
