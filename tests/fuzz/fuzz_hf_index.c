/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes hf/index: any bytes are a model.safetensors.index.json. What is taken must name files
 * inside the folder, and every tensor must be found.
 */
#include "hf/index.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_index index;
    struct error err;
    if (hf_index_parse(&index, (const char *)bytes, size, "fuzz", &err)) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    } else {
        check(index.count && index.files && index.files <= HF_INDEX_FILES);
        for (size_t i = 0; i < index.files; i++) {
            const char *file = index.file[i];
            check(*file && *file != '/' && strcmp(file, "..") && strncmp(file, "../", 3));
            check(!strstr(file, "/../"));
            size_t n = strlen(file);
            check(n < 3 || strcmp(file + n - 3, "/.."));
        }
        for (size_t i = 0; i < index.count; i++) {
            check(index.tensor[i].file < index.files);
            check(hf_index_find(&index, index.tensor[i].name) == &index.tensor[i]);
        }
    }
    hf_index_fini(&index);
    return 0;
}
