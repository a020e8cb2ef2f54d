/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the index of a cache of encoded clips: any bytes are an index file. What is taken must be
 * found by its hash, and be written as it was read.
 */
#include "data/encoded_index.h"

#include <string.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct encoded_index index;
    struct error err;
    char path[FUZZ_PATH];
    int fd = fuzz_file(bytes, size, path);
    encoded_index_init(&index, (struct content){1, 2}, 128, 4);
    if (encoded_index_read(&index, fd, "fuzz", &err)) {
        check(*err.text && !strchr(err.text, '\n'));
    } else {
        check(index.by_file && index.cut <= size && index.damaged <= index.count);
        check(size < ENCODED_ENTRY || (index.count + 1) * ENCODED_ENTRY + index.cut == size);
        for (size_t i = 0; i < index.count; i++) {
            unsigned char entry[ENCODED_ENTRY];
            if (index.record[i].state == ENCODED_BAD)
                continue;
            check(encoded_index_find(&index, index.record[i].hash) >= (int64_t)i);
            encoded_index_entry(&index, i, entry);
            check(!memcmp(entry, bytes + (i + 1) * ENCODED_ENTRY, 24));
        }
    }
    encoded_index_fini(&index);
    close(fd);
    return 0;
}
