/* SPDX-License-Identifier: MIT */
/* A tokenizer.json that is let through makes texts numbers that have pieces, and numbers text that
 * is UTF-8; what is kept of it in a checkpoint does the same. */
#include <string.h>

#include "fuzz.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

static const char *const texts[] = {
    "",
    " ",
    "Hello  world, it's 123 of 45.\n\n\tx",
    "caf\xc3\xa9 cafe\xcc\x81 \xed\x95\x9c\xea\xb5\xad \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab",
    "\xe2\x96\x81<s>abab</s> <|endoftext|>\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd \xc4\xb0",
};

static void told(const struct error *err)
{
    check((err->status == STATUS_INPUT || err->status == STATUS_FAILED) && *err->text &&
          !strchr(err->text, '\n'));
}

/* The numbers of a text, or a sentence. */
static int encode(const struct tokenizer *t, const char *text, struct tokens *to)
{
    struct error err = {0};
    if (!tokenizer_encode_whole(t, text, strlen(text), "text", to, &err))
        return 0;
    told(&err);
    return -1;
}

static void try_text(const struct tokenizer *t, const struct tokenizer *kept, const char *text)
{
    struct tokens to = {0}, again = {0};
    struct error err = {0};
    size_t size;
    const int failed = encode(t, text, &to);
    check(encode(kept, text, &again) == failed);
    check(again.count == to.count &&
          (!to.count || !memcmp(again.number, to.number, to.count * sizeof *to.number)));
    for (size_t i = 0; i < to.count; i++) {
        check(to.number[i] < tokenizer_count(t));
        tokenizer_piece(t, to.number[i], &size);
    }
    char *back = tokenizer_decode(t, to.number, to.count, 1, &size, &err);
    if (back)
        check(utf8_whole(back, size) == size && !back[size]);
    else
        told(&err);
    free(back);
    free(to.number);
    free(again.number);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    struct error err = {0};
    const int fd = fuzz_file(bytes, size, path);
    struct tokenizer *t = tokenizer_load(path, &err);
    close(fd);
    if (!t) {
        told(&err);
        return 0;
    }
    json_t *json = tokenizer_json(t);
    struct tokenizer *kept = tokenizer_of_json(json, "kept", &err);
    check(json && kept && tokenizer_count(kept) == tokenizer_count(t));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        try_text(t, kept, texts[i]);
    tokenizer_free(kept);
    tokenizer_free(t);
    json_decref(json);
    return 0;
}
