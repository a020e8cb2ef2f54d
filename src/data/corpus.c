/* SPDX-License-Identifier: MIT */
#include "data/corpus.h"

#include <stdlib.h>
#include <string.h>

#include "data/document.h"
#include "data/scaler.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "util/block.h"

#define COPIED ((size_t)1 << 24) /* tokens at a time */

/* One text, or all texts that one part alone has. */
struct text_span {
    size_t begin, end; /* tokens */
    enum part part;
};

struct corpus {
    struct load *load;
    unsigned char *seen; /* [UTF8_POINTS] */
    struct tokens tokens;
    struct text_span *text; /* [texts] */
    size_t texts, room;
    size_t dealt; /* texts in front that the split deals */
    size_t bytes;
    int64_t ending; /* token behind each text; -1: there is none */
    enum part part; /* of the file that is read; PARTS: the split deals it */
};

static int no_memory(const struct corpus *c)
{
    return load_no_memory(c->load);
}

/* --- reading */

static int see_text(void *ctx, const struct document *d, struct error *err)
{
    struct corpus *c = ctx;
    return tokenizer_see(c->seen, d->text, d->size, d->name, err);
}

static int add_text(struct corpus *c, size_t begin)
{
    if (c->texts == c->room) {
        const size_t room = c->room ? 2 * c->room : 64;
        struct text_span *more = realloc(c->text, room * sizeof *more);
        if (!more)
            return no_memory(c);
        c->text = more;
        c->room = room;
    }
    c->text[c->texts++] = (struct text_span){begin, c->tokens.count, c->part};
    c->dealt += c->part == PARTS;
    return 0;
}

/* Puts the token that ends a text behind the others. */
static int end_text(struct corpus *c)
{
    if (c->ending < 0)
        return 0;
    uint32_t *more = realloc(c->tokens.number, (c->tokens.count + 1) * sizeof *more);
    if (!more)
        return no_memory(c);
    c->tokens.number = more;
    more[c->tokens.count++] = (uint32_t)c->ending;
    return 0;
}

static int encode_text(void *ctx, const struct document *d, struct error *err)
{
    struct corpus *c = ctx;
    const size_t begin = c->tokens.count;
    if (tokenizer_encode(c->load->data->tokenizer, d->text, d->size, d->name, &c->tokens, err))
        return -1;
    if (c->tokens.count > UINT32_MAX)
        return error_set(err, STATUS_INPUT, "%s: the texts have more than %u tokens", d->name,
                         UINT32_MAX);
    c->bytes += d->size;
    if (c->tokens.count == begin)
        return 0;
    if (begin && c->ending < 0)
        c->tokens.number[begin] |= DATASET_BORDER;
    return end_text(c) || add_text(c, begin) ? -1 : 0;
}

int corpus_ending(struct load *load, int64_t *ending)
{
    static const char *const known[] = {"<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"};
    const struct tokenizer *t = load->data->tokenizer;
    const char *name = load->config->data.end_of_text;
    *ending = -1;
    if (strcmp(name, "auto")) {
        *ending = *name ? tokenizer_number(t, name) : -1;
        return *name && *ending < 0
                   ? error_set(load->err, STATUS_USAGE,
                               "[data] end_of_text: the tokenizer has no token '%s'", name)
                   : 0;
    }
    for (size_t i = 0; *ending < 0 && i < sizeof known / sizeof *known; i++) {
        const int64_t number = tokenizer_number(t, known[i]);
        if (number >= 0 && tokenizer_is_special(t, (uint32_t)number))
            *ending = number;
    }
    return 0;
}

void corpus_tell_lines(const struct load *load, const char *text)
{
    for (const char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1)
        log_say(load->log, "data: %.*s", (int)(end - line), line);
}

/* Shows `take` the texts of all files. */
static int read_texts(struct corpus *c, document_taker *take, int tells)
{
    struct load *load = c->load;
    const struct config *config = load->config;
    const struct document_how how = {keys_csv_how(config), config->data.text_field,
                                     config->data.column};
    char *text = NULL;
    size_t size;
    FILE *told = open_memstream(&text, &size);
    int failed = told ? 0 : no_memory(c);
    for (size_t i = 0; !failed && i < load->sources.count; i++) {
        const struct source *source = &load->sources.item[i];
        c->part = source->part == SOURCE_DEALT ? PARTS : (enum part)source->part;
        failed = source_is_once(source->path)
                     ? error_set(load->err, STATUS_INPUT,
                                 "%s: this is no plain file and can be read only once: texts are "
                                 "read from files",
                                 source->path)
                     : documents_read(source->path, &how, told, take, c, load->err);
    }
    if (told)
        fclose(told);
    if (tells && !failed)
        corpus_tell_lines(load, text);
    free(text);
    return failed ? -1 : 0;
}

/* The tokenizer that data.tokenizer names. */
static struct tokenizer *make_tokenizer(struct corpus *c)
{
    const char *name = c->load->config->data.tokenizer;
    struct tokenizer *t = NULL;
    if (strcmp(name, "characters"))
        return tokenizer_named(name, c->load->err);
    if (!(c->seen = calloc(1, UTF8_POINTS)))
        no_memory(c);
    else if (!read_texts(c, see_text, 0))
        t = tokenizer_of_points(c->seen, c->load->err);
    free(c->seen);
    return t;
}

/* The tokens of all files; a text that is alone ends without a token for it. */
static int read_encoded(struct corpus *c)
{
    if (read_texts(c, encode_text, 1))
        return -1;
    if (c->texts == 1 && c->ending >= 0) {
        c->tokens.count--;
        c->text[0].end--;
    }
    return 0;
}

/* --- parts */

struct split corpus_split(const struct load *load, size_t span)
{
    const struct config *config = load->config;
    const long block = config->data.split_block;
    return (struct split){
        .kind = config->data.split,
        .unit = config->data.split_unit,
        .block = block < 0 ? 20 * span : (size_t)block,
        .strata = 1,
        .validation = config->data.validation_source.count ? 0 : config->data.validation,
        .test = config->data.test_source.count ? 0 : config->data.test,
        .seed = (uint64_t)config->run.seed,
    };
}

/* Whole texts are dealt, not stretches of all of them. */
static int deals_texts(const struct split *split)
{
    return split->kind == SPLIT_SHUFFLED && split->unit == SPLIT_SERIES;
}

/* The blocks of the texts that the split deals; NULL with an error. */
static struct block *deal(struct corpus *c, const struct split *split, size_t *count)
{
    const size_t tokens = c->dealt ? c->text[c->dealt - 1].end : 0;
    struct block *block = NULL;
    for (int pass = 0; pass < 2; pass++) {
        *count = 0;
        for (size_t i = 0; deals_texts(split) && i < c->dealt; i++)
            *count += split_cut(split, i, c->text[i].end - c->text[i].begin,
                                pass ? block + *count : NULL);
        if (!deals_texts(split) && tokens)
            *count = split_cut(split, 0, tokens, block);
        if (!pass && !(block = malloc((*count + 1) * sizeof *block))) {
            no_memory(c);
            return NULL;
        }
    }
    if (*count && split_deal(split, block, *count, tokens, c->load->err)) {
        error_prefix(c->load->err, "%s", load_label(c->load));
        free(block);
        return NULL;
    }
    return block;
}

/* Brings dealt texts of the same part together, in their order. */
static int gather_texts(struct corpus *c, const struct block *block)
{
    uint32_t *to = malloc((c->tokens.count + 1) * sizeof *to);
    struct text_span *text = malloc((c->texts + 1) * sizeof *text);
    size_t at = 0, n = 0;
    if (!to || !text) {
        free(to);
        free(text);
        return no_memory(c);
    }
    for (int part = 0; part <= PARTS; part++) /* PARTS: those that are not dealt, behind */
        for (size_t i = 0; i < c->texts; i++) {
            const int own = i < c->dealt ? (int)block[i].part : PARTS;
            const size_t length = c->text[i].end - c->text[i].begin;
            if (own != part)
                continue;
            memcpy(to + at, c->tokens.number + c->text[i].begin, length * sizeof *to);
            to[at] = at && c->ending < 0 ? to[at] | DATASET_BORDER : to[at] & ~DATASET_BORDER;
            text[n++] =
                (struct text_span){at, at + length, i < c->dealt ? block[i].part : c->text[i].part};
            at += length;
        }
    free(c->tokens.number);
    free(c->text);
    c->tokens.number = to;
    c->text = text;
    return 0;
}

/* A stretch that goes on with the one before where that is of the same part. */
static void add_stretch(struct stretch *to, size_t *count, struct stretch s)
{
    if (s.begin == s.end)
        return;
    if (*count && to[*count - 1].part == s.part && to[*count - 1].end == s.begin)
        to[*count - 1].end = s.end;
    else
        to[(*count)++] = s;
}

/* The stretches of all parts; NULL with an error. */
static struct stretch *stretches_of(struct corpus *c, const struct split *split, size_t *count)
{
    size_t blocks = 0;
    struct block *block = c->load->whole ? malloc(1) : deal(c, split, &blocks);
    struct stretch *to = block ? malloc((c->texts + blocks + 1) * sizeof *to) : NULL;
    const int texts = deals_texts(split) && !c->load->whole;
    *count = 0;
    if (block && (!to || (texts && gather_texts(c, block)))) {
        free(to);
        to = NULL;
        no_memory(c);
    }
    for (size_t i = 0; to && !texts && i < blocks; i++)
        add_stretch(to, count, (struct stretch){block[i].begin, block[i].end, block[i].part});
    for (size_t i = 0; to && i < c->texts; i++) {
        const struct text_span *t = &c->text[i];
        if (c->load->whole || texts || i >= c->dealt)
            add_stretch(to, count,
                        (struct stretch){t->begin, t->end, c->load->whole ? PART_TEST : t->part});
    }
    free(block);
    return to;
}

/* --- windows */

/* A part that should have a window and has none: an error that says what helps. */
static int check_windows(const struct load *load, const struct stretch *stretch, size_t count)
{
    static const char *const names[] = {"training part", "validation part", "test part"};
    const struct dataset *data = load->data;
    const double share[] = {1, load->config->data.validation, load->config->data.test};
    const size_t own[] = {0, load->config->data.validation_source.count,
                          load->config->data.test_source.count};
    for (enum part part = 0; part < PARTS; part++) {
        size_t tokens = 0;
        for (size_t i = 0; i < count; i++)
            tokens += stretch[i].part == part ? stretch[i].end - stretch[i].begin : 0;
        const int needed = load->whole ? part == PART_TEST : share[part] > 0 || own[part];
        if (needed && !data->count[part])
            return error_set(load->err, STATUS_INPUT,
                             "%s: too little text: no window of %zu tokens and the one behind it "
                             "fits into the %s (%zu tokens); more text or a shorter data.window "
                             "helps",
                             load_label(load), data->window, load->whole ? "file" : names[part],
                             tokens);
    }
    return 0;
}

/* Windows of the training part that do not overlap, for an evaluation. -1: memory. */
static int find_apart(struct corpus *c, const struct stretch *stretch, size_t count)
{
    struct dataset *data = c->load->data;
    const size_t span = data->window + 1, stride = data->window;
    const struct windowing windowing = {.span = {span, span, span},
                                        .stride = {stride, stride, stride}};
    uint32_t *start[PARTS];
    size_t found[PARTS];
    if (windows_find(&windowing, stretch, count, start, found))
        return -1;
    data->long_start = start[PART_TRAIN];
    data->long_count = found[PART_TRAIN];
    block_free(start[PART_VALIDATION]);
    block_free(start[PART_TEST]);
    return 0;
}

static int find_windows(struct corpus *c, const struct split *split)
{
    struct load *load = c->load;
    struct dataset *data = load->data;
    const int draws = load->config->data.sampling == SAMPLING_RANDOM;
    const long stride = load->config->data.stride;
    struct windowing windowing = {0};
    size_t count;
    struct stretch *stretch = stretches_of(c, split, &count);
    if (!stretch)
        return -1;
    for (enum part part = 0; part < PARTS; part++) {
        windowing.span[part] = data->window + 1;
        windowing.stride[part] = data->window;
    }
    if (stride > 0 || draws)
        windowing.stride[PART_TRAIN] = stride > 0 ? (size_t)stride : 1;
    int failed = windows_find(&windowing, stretch, count, data->start, data->count);
    if (!failed && windowing.stride[PART_TRAIN] < data->window)
        failed = find_apart(c, stretch, count);
    if (failed)
        no_memory(c);
    if (!failed && split->kind == SPLIT_SHUFFLED_WINDOWS && !load->whole &&
        windows_deal(split, data->start, data->count))
        failed = no_memory(c);
    if (!failed)
        failed = check_windows(load, stretch, count);
    free(stretch);
    return failed ? -1 : 0;
}

/* --- the dataset */

int corpus_fill(struct load *load)
{
    struct dataset *data = load->data;
    data->channels = data->features = data->files = 1;
    data->window = (size_t)load->config->data.window;
    data->names = calloc(1, sizeof *data->names);
    data->file = calloc(1, sizeof *data->file);
    if (!data->names || !data->file || !(data->names[0] = strdup("token")) ||
        !(data->file[0].name = strdup(load_label(load))) ||
        scaler_init(&data->scaler, SCALER_NONE, 1))
        return load_no_memory(load);
    return 0;
}

/* From the end on, so that what is copied can be given back at once: never both in whole. */
static int keep_tokens(struct corpus *c)
{
    struct dataset *data = c->load->data;
    struct tokens *from = &c->tokens;
    data->rows = data->file[0].end = data->file[0].file.rows = from->count;
    data->token = block_new((from->count + 1) * sizeof *data->token);
    if (!data->token)
        return no_memory(c);
    while (from->count) {
        const size_t left = (from->count - 1) / COPIED * COPIED;
        memcpy(data->token + left, from->number + left, (from->count - left) * sizeof *data->token);
        from->count = left;
        uint32_t *less = realloc(from->number, (left + 1) * sizeof *less);
        from->number = less ? less : from->number;
    }
    return 0;
}

void corpus_tell_windows(struct load *load)
{
    const size_t *count = load->data->count;
    json_object_set_new(load->told, "windows",
                        json_pack("{s:I, s:I, s:I}", "training", (json_int_t)count[PART_TRAIN],
                                  "validation", (json_int_t)count[PART_VALIDATION], "test",
                                  (json_int_t)count[PART_TEST]));
    if (!load->whole)
        tell_text(load, "split", config_choice("data", "split", load->config->data.split));
}

static void tell(const struct corpus *c)
{
    struct load *load = c->load;
    const struct dataset *data = load->data;
    const size_t different = tokenizer_count(data->tokenizer), *count = data->count;
    log_say(load->log, "data: %s: %zu text%s, %zu bytes; %zu tokens, of %zu different ones",
            load_label(load), c->texts, c->texts == 1 ? "" : "s", c->bytes, data->rows, different);
    log_say(load->log, "data: windows of %zu tokens: %zu training, %zu validation, %zu test",
            data->window, count[PART_TRAIN], count[PART_VALIDATION], count[PART_TEST]);
    tell_count(load, "texts", c->texts);
    tell_count(load, "bytes", c->bytes);
    tell_count(load, "tokens", data->rows);
    tell_count(load, "vocabulary", different);
    corpus_tell_windows(load);
}

int corpus_check_vocabulary(const struct load *load)
{
    const long known = load->config->model.vocabulary;
    const size_t made = tokenizer_count(load->data->tokenizer);
    if (known <= 0 || (size_t)known >= made)
        return 0;
    return error_set(load->err, STATUS_USAGE,
                     "[model] vocabulary: %ld tokens are fewer than the %zu of [data] tokenizer",
                     known, made);
}

int corpus_load(struct load *load, const struct fitted *fitted)
{
    struct corpus c = {.load = load};
    struct dataset *data = load->data;
    const struct split split = corpus_split(load, (size_t)load->config->data.window + 1);
    int failed = corpus_fill(load);
    if (!failed && fitted)
        data->tokenizer = fitted->tokenizer;
    else if (!failed)
        data->tokenizer = data->own_tokenizer = make_tokenizer(&c);
    if (!failed && data->tokenizer)
        failed = corpus_check_vocabulary(load) || corpus_ending(load, &c.ending) ||
                 read_encoded(&c) || find_windows(&c, &split) || keep_tokens(&c);
    free(c.tokens.number);
    free(c.text);
    if (failed || !data->tokenizer)
        return -1;
    tell(&c);
    log_event(load->log, "data", json_incref(load->told));
    return 0;
}
