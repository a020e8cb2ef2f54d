/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes text/filled: any bytes, up to the first NUL, are a tokenizer_config.json beside a small
 * tokenizer.json; what follows is a text, of which come as many numbers as there are positions,
 * none beyond the vocabulary.
 */
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "text/filled.h"
#include "util/file.h"

enum { TOKENS = 6, VOCABULARY = 5 };

static const char tokenizer[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"<pad>\",\"special\":true}],\"model\":{\"type\":"
    "\"BPE\",\"unk_token\":\"<pad>\",\"vocab\":{\"<pad>\":0,\"a\":1,\"b\":2,\"ab\":3,\"c\":4,"
    "\"far\":9},\"merges\":[\"a b\"]}}";

/* A folder of this process's own, and its two files. */
struct own {
    char folder[FUZZ_PATH], tokenizer[2 * FUZZ_PATH], config[2 * FUZZ_PATH];
};

static void make(struct own *o, const char *config, size_t size)
{
    struct error err;
    snprintf(o->folder, sizeof o->folder, "fuzz_filled_%ld.d", (long)getpid());
    snprintf(o->tokenizer, sizeof o->tokenizer, "%s/tokenizer.json", o->folder);
    snprintf(o->config, sizeof o->config, "%s/tokenizer_config.json", o->folder);
    check(!mkdir(o->folder, 0700) && !file_write(o->config, config, size, &err) &&
          !file_write(o->tokenizer, tokenizer, strlen(tokenizer), &err));
}

static void removed(const struct own *o)
{
    unlink(o->tokenizer);
    unlink(o->config);
    rmdir(o->folder);
}

static void try_text(const struct filled *f, const char *text)
{
    uint32_t to[TOKENS];
    struct error err;
    if (filled_encode(f, text, to, &err))
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    else
        for (size_t i = 0; i < TOKENS; i++)
            check(to[i] < VOCABULARY);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char text[4097];
    struct own own;
    struct error err;
    size = size < sizeof text - 1 ? size : sizeof text - 1;
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    const size_t first = strlen(text);
    make(&own, text, first);
    const struct filled_how how = {own.folder, TOKENS, VOCABULARY, size % 2 ? 1 : -1};
    struct filled *f = filled_open(&how, &err);
    if (f)
        try_text(f, first < size ? text + first + 1 : "abc");
    else
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    filled_free(f);
    removed(&own);
    return 0;
}
