/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "data/captioned.h"
#include "data/corpus.h"
#include "data/load.h"
#include "data/scaler.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "util/block.h"

/* --- reading */

static const char *source_path(const struct load *load, size_t number)
{
    return load->sources.item[number].path;
}

static int read_tables(struct load *load, struct caption_table *to, FILE *told)
{
    const struct config *c = load->config;
    const struct csv_how how = keys_csv_how(c);
    for (size_t i = 0; i < load->sources.count; i++) {
        const char *path = source_path(load, i);
        if (source_is_once(path))
            return error_set(load->err, STATUS_INPUT,
                             "%s: this is no plain file and can be read only once: captions are "
                             "read from files",
                             path);
        const struct caption_file file = {path,           i,          how, c->data.file_column,
                                          c->data.column, load->whole};
        if (load->is_clip && caption_table_add(to, path, i))
            return load_no_memory(load);
        if (!load->is_clip && caption_table_read(to, &file, told, load->err))
            return -1;
    }
    return to->count
               ? 0
               : error_set(load->err, STATUS_INPUT, "%s: there is no caption", load_label(load));
}

/* The captions of all files, and what was found out, told. */
static int read_captions(struct load *load)
{
    char *text = NULL;
    size_t size;
    FILE *told = open_memstream(&text, &size);
    int failed =
        told ? read_tables(load, &load->data->captioned->captions, told) : load_no_memory(load);
    const int is_cut = told && ferror(told);
    if (told && (fclose(told) || is_cut) && !failed)
        failed = load_no_memory(load);
    if (!failed)
        corpus_tell_lines(load, text);
    free(text);
    return failed;
}

int captioned_is_series(const struct config *config, const char *path)
{
    const struct csv_how how = keys_csv_how(config);
    struct error none;
    size_t at;
    struct csv *csv = csv_open(path, &how, &none);
    const int is = csv && csv_find(csv, config->data.file_column, &at, &none);
    csv_close(csv);
    return is;
}

/* --- tokens */

/* The code points of the prompt and of all captions. */
static struct tokenizer *of_characters(struct load *load)
{
    const struct caption_table *c = &load->data->captioned->captions;
    const char *prompt = load->config->data.prompt;
    unsigned char *seen = calloc(1, UTF8_POINTS);
    struct tokenizer *t = NULL;
    if (!seen) {
        load_no_memory(load);
        return NULL;
    }
    seen['\n'] = 1; /* ends a caption */
    int failed = tokenizer_see(seen, prompt, strlen(prompt), "data.prompt", load->err);
    for (size_t i = 0; !failed && i < c->count; i++)
        failed = tokenizer_see(seen, c->item[i].text, c->item[i].size,
                               source_path(load, c->item[i].source), load->err);
    if (!failed)
        t = tokenizer_of_points(seen, load->err);
    free(seen);
    return t;
}

static int find_tokenizer(struct load *load, const struct fitted *fitted)
{
    struct dataset *data = load->data;
    const char *name = load->config->data.tokenizer;
    if (fitted)
        data->tokenizer = fitted->tokenizer;
    else
        data->tokenizer = data->own_tokenizer =
            !strcmp(name, "characters") ? of_characters(load) : tokenizer_named(name, load->err);
    return data->tokenizer ? corpus_check_vocabulary(load) : -1;
}

/* The token that ends a caption: that of data.end_of_text, or a line feed. */
static int find_ending(struct load *load)
{
    struct dataset *data = load->data;
    int64_t ending;
    if (corpus_ending(load, &ending))
        return -1;
    if (ending < 0)
        ending = tokenizer_number(data->tokenizer, "\n");
    if (ending < 0)
        return error_set(load->err, STATUS_USAGE,
                         "[data] end_of_text: nothing ends a caption: name a token of the "
                         "tokenizer");
    data->captioned->ending = (uint32_t)ending;
    return 0;
}

static int encode_prompt(struct load *load)
{
    struct captioned *c = load->data->captioned;
    const char *prompt = load->config->data.prompt;
    struct tokens tokens = {0};
    int failed = tokenizer_encode_beginning(load->data->tokenizer, prompt, strlen(prompt),
                                            "data.prompt", &tokens, load->err);
    c->prompt = tokens.number;
    c->prompts = tokens.count;
    if (!failed && !c->prompts)
        return error_set(load->err, STATUS_USAGE,
                         "[data] prompt: a text must stand in front of the captions, for the "
                         "tokenizer puts no token there: prompt = \"Caption:\"");
    return failed;
}

/* Tokens of a caption behind the prompt, with its end, and what fills the rest. */
static int put_sample(struct load *load, size_t number, struct tokens *tokens)
{
    struct dataset *data = load->data;
    const struct captioned *c = data->captioned;
    const struct caption *item = &c->captions.item[number];
    const char *path = source_path(load, item->source);
    const size_t room = data->window + 1;
    uint32_t *to = data->token + number * room;
    tokens->count = 0;
    if (tokenizer_encode(data->tokenizer, item->text, item->size, path, tokens, load->err))
        return -1;
    const size_t used = c->prompts + tokens->count + 1;
    if (used > room)
        return error_set(load->err, STATUS_INPUT,
                         "%s:%llu: prompt and caption are %zu tokens with their end, more than "
                         "data.window = %zu and the one behind it: data.window = %zu helps",
                         path, (unsigned long long)item->line, used, data->window, used - 1);
    for (size_t i = 0; i < tokens->count; i++)
        if (tokens->number[i] == c->ending)
            return error_set(load->err, STATUS_INPUT,
                             "%s:%llu: the token that ends captions stands within this one", path,
                             (unsigned long long)item->line);
    for (size_t i = 0; i < room; i++)
        to[i] = (i < c->prompts ? c->prompt[i] : 0) | DATASET_BORDER;
    memcpy(to + c->prompts, tokens->number, tokens->count * sizeof *to);
    to[used - 1] = c->ending;
    return 0;
}

static int make_tokens(struct load *load)
{
    struct dataset *data = load->data;
    const size_t samples = data->captioned->captions.count;
    struct tokens tokens = {0};
    if (samples > UINT32_MAX / (data->window + 1))
        return error_set(load->err, STATUS_INPUT, "%s: the captions have more than %u tokens",
                         load_label(load), UINT32_MAX);
    data->rows = samples * (data->window + 1);
    if (!(data->token = block_new(data->rows * sizeof *data->token)))
        return load_no_memory(load);
    int failed = 0;
    for (size_t i = 0; !failed && i < samples; i++)
        failed = put_sample(load, i, &tokens);
    free(tokens.number);
    return failed;
}

/* --- parts */

/* Clips that the split deals come first; the part of each other one is that of its file. */
static int part_of(const struct load *load, const struct caption *item)
{
    const int part = load->sources.item[item->source].part;
    return part == SOURCE_DEALT ? PARTS : part;
}

/* A clip that files of two parts name would be learnt and judged. */
static int check_apart(const struct load *load)
{
    const struct caption_table *c = &load->data->captioned->captions;
    for (size_t i = 0; i < c->count; i++) {
        const struct clip_named *clip = &c->clip[c->item[i].clip];
        const struct caption first = {.source = clip->source};
        if (part_of(load, &c->item[i]) != part_of(load, &first))
            return error_set(
                load->err, STATUS_INPUT, "%s:%llu: %s is of another part already: %s names it too",
                source_path(load, c->item[i].source), (unsigned long long)c->item[i].line,
                clip->path, source_path(load, clip->source));
    }
    return 0;
}

/* Deals the clips [count] to parts. */
static int deal_clips(struct load *load, const size_t *clip, size_t count, unsigned char *part)
{
    struct split split = corpus_split(load, 1);
    split.unit = SPLIT_BLOCK;
    split.block = 1; /* each clip by itself */
    const size_t blocks = split_cut(&split, 0, count, NULL);
    struct block *block = malloc((blocks + 1) * sizeof *block);
    if (!block)
        return load_no_memory(load);
    split_cut(&split, 0, count, block);
    int failed = split_deal(&split, block, blocks, count, load->err);
    for (size_t b = 0; !failed && b < blocks; b++)
        for (size_t i = block[b].begin; i < block[b].end; i++)
            part[clip[i]] = (unsigned char)block[b].part;
    free(block);
    return failed;
}

/* The part of each clip. */
static int find_parts(struct load *load, unsigned char *part)
{
    const struct caption_table *c = &load->data->captioned->captions;
    size_t *dealt = malloc((c->clips + 1) * sizeof *dealt), count = 0;
    if (!dealt)
        return load_no_memory(load);
    for (size_t i = 0; i < c->clips; i++) {
        const struct caption first = {.source = c->clip[i].source};
        part[i] = (unsigned char)(load->whole ? PART_TEST : part_of(load, &first));
        if (part[i] == PARTS)
            dealt[count++] = i;
    }
    int failed = count ? deal_clips(load, dealt, count, part) : 0;
    free(dealt);
    return failed;
}

/* The first rows of each part's samples. */
static int list_samples(struct load *load, const unsigned char *part)
{
    struct dataset *data = load->data;
    const struct caption_table *c = &data->captioned->captions;
    for (enum part p = 0; p < PARTS; p++) {
        if (!(data->start[p] = block_new((c->count + 1) * sizeof *data->start[p])))
            return load_no_memory(load);
        for (size_t i = 0; i < c->count; i++)
            if (part[c->item[i].clip] == p)
                data->start[p][data->count[p]++] = (uint32_t)(i * (data->window + 1));
    }
    if (!load->whole && !data->count[PART_TRAIN])
        return error_set(load->err, STATUS_INPUT, "%s: no caption is left for training",
                         load_label(load));
    return 0;
}

static int make_parts(struct load *load)
{
    unsigned char *part = malloc(load->data->captioned->captions.clips + 1);
    if (!part)
        return load_no_memory(load);
    int failed = check_apart(load) || find_parts(load, part) || list_samples(load, part);
    free(part);
    return failed ? -1 : 0;
}

/* --- the dataset */

static void tell(struct load *load)
{
    const struct dataset *data = load->data;
    const struct caption_table *c = &data->captioned->captions;
    const size_t *count = data->count;
    log_say(load->log,
            "data: %s: %zu captions of %zu clips, %zu training, %zu validation, %zu test",
            load_label(load), c->count, c->clips, count[PART_TRAIN], count[PART_VALIDATION],
            count[PART_TEST]);
    if (c->passed_over)
        log_say(load->log, "data: %zu rows have no caption and are left out", c->passed_over);
    tell_count(load, "captions", c->count);
    tell_count(load, "clips", c->clips);
    tell_count(load, "vocabulary", tokenizer_count(data->tokenizer));
    corpus_tell_windows(load);
}

int captioned_load(struct load *load, const struct fitted *fitted)
{
    struct captioned *own = load->data->captioned = calloc(1, sizeof *own);
    if (!own)
        return load_no_memory(load);
    config_clip(load->config, &own->rows, &own->columns);
    if (corpus_fill(load) || read_captions(load) || find_tokenizer(load, fitted) ||
        find_ending(load) || encode_prompt(load) || make_tokens(load) || make_parts(load))
        return -1;
    load->data->file[0].end = load->data->file[0].file.rows = load->data->rows;
    tell(load);
    log_event(load->log, "data", json_incref(load->told));
    return 0;
}
