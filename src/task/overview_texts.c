/* SPDX-License-Identifier: MIT */
#include "task/overview_texts.h"

#include <stdio.h>
#include <stdlib.h>

#include "data/captioned.h"
#include "text/tokenizer.h"
#include "util/file.h"

enum { SHOWN = 20, ROOM = 64 };

struct token_count {
    uint32_t token;
    size_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct token_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->token < y->token ? -1 : x->token > y->token;
}

/* The bytes of a token between quotes; what is no printable ASCII or part of a character, escaped.
 */
static const char *shown(const struct tokenizer *tokenizer, uint32_t token, char to[ROOM])
{
    size_t size, used = 0;
    const char *piece = tokenizer_piece(tokenizer, token, &size);
    to[used++] = '"';
    for (size_t i = 0; i < size && used + 6 < ROOM; i++) {
        const unsigned char c = (unsigned char)piece[i];
        const int plain =
            (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') || (c >= 0x80 && size > 1);
        used += (size_t)snprintf(to + used, ROOM - used,
                                 c == '\n' ? "\\n"
                                 : plain   ? "%c"
                                           : "\\x%02x",
                                 c);
    }
    snprintf(to + used, ROOM - used, "\"");
    return to;
}

/* How many tokens the windows of a part read, each once. */
static size_t tokens_of(const struct dataset *data, enum part part)
{
    size_t tokens = 0, done = 0;
    for (size_t i = 0; i < data->count[part]; i++) {
        const size_t begin = data->start[part][i], end = begin + data->window + 1;
        for (size_t row = begin > done ? begin : done; row < end; row++)
            tokens += (size_t)captioned_counts(data, row);
        done = end;
    }
    return tokens;
}

int overview_texts(const struct dataset *data, struct error *err)
{
    static const char *const parts[] = {"training", "validation", "test"};
    const size_t different = tokenizer_count(data->tokenizer);
    struct token_count *count = calloc(different + 1, sizeof *count);
    char text[ROOM];
    size_t all = 0;
    if (!count)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < different; i++)
        count[i].token = (uint32_t)i;
    for (size_t row = 0; row < data->rows; row++) {
        const int counts = captioned_counts(data, row);
        count[data->token[row] & ~DATASET_BORDER].count += (size_t)counts;
        all += (size_t)counts;
    }
    qsort(count, different, sizeof *count, by_count);
    printf("\n%-12s %12s %12s\n", "part", "windows", "tokens");
    for (enum part part = 0; part < PARTS; part++)
        printf("%-12s %12zu %12zu\n", parts[part], data->count[part], tokens_of(data, part));
    printf("\n%-24s %12s %9s\n", "most frequent tokens", "times", "share");
    for (size_t i = 0; i < SHOWN && i < different && count[i].count; i++)
        printf("%-24s %12zu %8.3f%%\n", shown(data->tokenizer, count[i].token, text),
               count[i].count, 100 * (double)count[i].count / (double)all);
    free(count);
    return file_flush(stdout, "standard output", err);
}
