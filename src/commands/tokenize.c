/* SPDX-License-Identifier: MIT */
/*
 * seqtrain tokenize: texts as the numbers of their tokens, numbers as text, and a tokenizer.json
 * made of texts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "data/document.h"
#include "run/trained.h"
#include "text/bpe_train.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "util/jsonmem.h"
#include "util/lines.h"

struct tokenizing {
    const struct options *options;
    struct tokenizer *own; /* of -t */
    const struct tokenizer *tokenizer;
    struct checkpoint checkpoint; /* of -m */
    struct bpe_training *training;
    const char *file; /* that is read */
    struct output out;
    struct tokens tokens; /* of one line */
    uint64_t count;
};

/* --- what is done to a text */

static int encode(struct tokenizing *t, const char *text, size_t size, const char *name,
                  struct error *err)
{
    t->tokens.count = 0;
    return t->options->special
               ? tokenizer_encode_whole(t->tokenizer, text, size, name, &t->tokens, err)
               : tokenizer_encode(t->tokenizer, text, size, name, &t->tokens, err);
}

static int count_text(void *ctx, const struct document *d, struct error *err)
{
    struct tokenizing *t = ctx;
    if (encode(t, d->text, d->size, d->name, err))
        return -1;
    t->count += t->tokens.count;
    return 0;
}

/* Takes the lines of a text. */
static int each_line(struct tokenizing *t, const struct document *d, document_taker *take,
                     struct error *err)
{
    return document_lines(d, take, t, err) || output_flush(&t->out, err) ? -1 : 0;
}

static int put_numbers(void *ctx, const struct document *line, struct error *err)
{
    struct tokenizing *t = ctx;
    if (encode(t, line->text, line->size, line->name, err))
        return -1;
    for (size_t i = 0; i < t->tokens.count; i++)
        fprintf(t->out.stream, "%s%u", i ? " " : "", t->tokens.number[i]);
    putc('\n', t->out.stream);
    return 0;
}

/* A text file's lines are made numbers; of files that hold many texts, each text. */
static int number_lines(void *ctx, const struct document *d, struct error *err)
{
    struct tokenizing *t = ctx;
    return strcmp(d->name, t->file) ? put_numbers(t, d, err) : each_line(t, d, put_numbers, err);
}

/* The numbers of a line, which blanks part. */
static int read_numbers(struct tokenizing *t, const char *line, size_t size, const char *name,
                        struct error *err)
{
    uint32_t *number = realloc(t->tokens.number, (size / 2 + 1) * sizeof *number);
    if (!number)
        return error_set(err, STATUS_FAILED, "out of memory");
    t->tokens.number = number;
    t->tokens.count = 0;
    for (size_t i = 0; i < size;) {
        uint64_t is = 0;
        const size_t from = i;
        if (strchr(" \t\r", line[i]) && line[i]) {
            i++;
            continue;
        }
        for (; i < size && line[i] >= '0' && line[i] <= '9' && is <= UINT32_MAX; i++)
            is = 10 * is + (uint64_t)(line[i] - '0');
        if (i == from || is > UINT32_MAX || (i < size && (!line[i] || !strchr(" \t\r", line[i]))))
            return error_set(err, STATUS_INPUT, "%s: this line has more than numbers and blanks",
                             name);
        number[t->tokens.count++] = (uint32_t)is;
    }
    return 0;
}

static int put_text(void *ctx, const struct document *line, struct error *err)
{
    struct tokenizing *t = ctx;
    size_t size;
    if (read_numbers(t, line->text, line->size, line->name, err))
        return -1;
    char *text = tokenizer_decode(t->tokenizer, t->tokens.number, t->tokens.count, 1, &size, err);
    if (!text)
        return error_prefix(err, "%s", line->name);
    fwrite(text, 1, size, t->out.stream);
    putc('\n', t->out.stream);
    free(text);
    return 0;
}

static int text_lines(void *ctx, const struct document *d, struct error *err)
{
    return each_line(ctx, d, put_text, err);
}

static int learn_text(void *ctx, const struct document *d, struct error *err)
{
    struct tokenizing *t = ctx;
    size_t bad;
    if (!bpe_training_add(t->training, d->text, d->size, &bad, err))
        return 0;
    if (bad < d->size)
        return error_set(err, STATUS_INPUT, "%s:%zu: this line is no UTF-8 text", d->name,
                         lines_number(d->text, bad));
    return error_prefix(err, "%s", d->name);
}

/* --- the command */

/* Shows the texts of all files, or of standard input. */
static int each_text(struct tokenizing *t, document_taker *take, struct error *err)
{
    const struct document_how how = {.field = "text", .column = ""};
    const struct options *o = t->options;
    for (size_t i = 0; i < o->file_count || !i; i++) {
        t->file = o->file_count ? o->files[i] : "-";
        if (documents_read(t->file, &how, stderr, take, t, err))
            return -1;
    }
    return 0;
}

static int open_tokenizer(struct tokenizing *t, char **path, struct error *err)
{
    const struct options *o = t->options;
    if (!o->tokenizer == !o->model)
        return error_set(err, STATUS_USAGE, "tokenize needs one of -t FILE, -m CKPT and --train");
    if (o->tokenizer) {
        t->tokenizer = t->own = tokenizer_load(o->tokenizer, err);
        return t->own ? 0 : -1;
    }
    if (!(*path = command_model_path(o, err)))
        return -1;
    if (trained_is_folder(*path) ? trained_read(&t->checkpoint, *path, "-", NULL, 0, err)
                                 : checkpoint_read(&t->checkpoint, *path, NULL, 0, NULL, err))
        return -1;
    t->tokenizer = t->checkpoint.fitted.tokenizer;
    return t->tokenizer
               ? 0
               : error_set(err, STATUS_USAGE,
                           "%s: the model reads series of numbers and has no tokenizer", *path);
}

static int use(struct tokenizing *t, struct error *err)
{
    const struct options *o = t->options;
    char *path = NULL;
    int result = open_tokenizer(t, &path, err);
    if (!result && !(result = output_open(&t->out, o, path, NULL, err))) {
        if (o->count)
            result = each_text(t, count_text, err);
        else
            result = each_text(t, o->decode ? text_lines : number_lines, err);
        if (!result && o->count)
            fprintf(t->out.stream, "%llu\n", (unsigned long long)t->count);
        result = output_close(&t->out, result, err);
    }
    free(path);
    return result;
}

/* --vocabulary, as a number. */
static int read_size(const struct options *o, size_t *size, struct error *err)
{
    char *end;
    errno = 0;
    const long is = o->vocabulary ? strtol(o->vocabulary, &end, 10) : 0;
    if (!o->vocabulary)
        return error_set(err, STATUS_USAGE, "tokenize --train needs --vocabulary N");
    if (errno || end == o->vocabulary || *end || is < BPE_TRAIN_LEAST || is > BPE_TRAIN_MOST)
        return error_set(err, STATUS_USAGE, "--vocabulary %s: %d .. %d tokens can be asked for",
                         o->vocabulary, BPE_TRAIN_LEAST, BPE_TRAIN_MOST);
    *size = (size_t)is;
    return 0;
}

static int put_document(struct tokenizing *t, const json_t *document, struct error *err)
{
    char *text = jsonmem_dumps(document, JSON_INDENT(2));
    if (!text)
        return error_set(err, STATUS_FAILED, "out of memory");
    fputs(text, t->out.stream);
    putc('\n', t->out.stream);
    free(text);
    return output_flush(&t->out, err);
}

static int train(struct tokenizing *t, struct error *err)
{
    const struct options *o = t->options;
    size_t size = 0, got = 0;
    json_t *document = NULL;
    if (o->tokenizer || o->model || o->count || o->decode || o->special)
        return error_set(
            err, STATUS_USAGE,
            "--train makes a tokenizer: -t, -m, --count, --decode and --special use one");
    if (read_size(o, &size, err) ||
        !(t->training = bpe_training_new(o->kind ? o->kind : bpe_train_kinds[0], err)) ||
        output_open(&t->out, o, NULL, NULL, err))
        return -1;
    int result = each_text(t, learn_text, err);
    if (!result && !(document = bpe_training_end(t->training, size, &got, err)))
        result = -1;
    if (!result)
        result = put_document(t, document, err);
    json_decref(document);
    result = output_close(&t->out, result, err);
    if (!result && got < size)
        fprintf(stderr,
                "seqtrain: warning: the texts give %zu tokens, not %zu: no other pair occurs twice "
                "in them\n",
                got, size);
    return result;
}

int command_tokenize(const struct options *options, struct error *err)
{
    struct tokenizing t = {.options = options};
    int result;
    if (options->count && options->decode)
        return error_set(err, STATUS_USAGE, "--count and --decode exclude each other");
    if (!options->train && (options->vocabulary || options->kind))
        return error_set(err, STATUS_USAGE, "--vocabulary and --kind are for --train");
    result = options->train ? train(&t, err) : use(&t, err);
    bpe_training_free(t.training);
    tokenizer_free(t.own);
    checkpoint_fini(&t.checkpoint);
    free(t.tokens.number);
    return result;
}
