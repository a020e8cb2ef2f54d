/* SPDX-License-Identifier: MIT */
#include "text/tokenizer_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "text/added.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/field.h"
#include "text/normalizer.h"
#include "text/postprocessor.h"
#include "text/pretokenizer.h"

/* What one call writes to. */
struct file_work {
    struct file_work *next;
    struct normalizer_work normalizer;
    struct pretokenizer_work pretokenizer;
    struct pattern_work *search;
    struct bpe_work *bpe;
    struct textbuf numbers; /* of uint32_t */
};

struct tokenizer_file {
    json_t *document;
    struct normalizer *normalizer;
    struct pretokenizer *pretokenizer;
    struct bpe *bpe;
    struct added *added;
    struct postprocessor *postprocessor;
    struct decoder *decoder;
    size_t count;
    struct textbuf piece; /* the bytes of all numbers, one behind the other */
    size_t *piece_end;    /* [count] */
    pthread_mutex_t lock;
    struct file_work *idle;
};

/* --- the pool */

static void work_free(struct file_work *w)
{
    if (!w)
        return;
    normalizer_work_fini(&w->normalizer);
    pretokenizer_work_fini(&w->pretokenizer);
    pattern_work_free(w->search);
    bpe_work_free(w->bpe);
    textbuf_fini(&w->numbers);
    free(w);
}

static struct file_work *work_new(struct error *err)
{
    struct file_work *w = calloc(1, sizeof *w);
    if (!w)
        text_short(err);
    else if ((w->search = pattern_work_new(err)) && (w->bpe = bpe_work_new(err)))
        return w;
    work_free(w);
    return NULL;
}

static struct file_work *work_take(struct tokenizer_file *f, struct error *err)
{
    pthread_mutex_lock(&f->lock);
    struct file_work *w = f->idle;
    if (w)
        f->idle = w->next;
    pthread_mutex_unlock(&f->lock);
    return w ? w : work_new(err);
}

static void work_give(struct tokenizer_file *f, struct file_work *w)
{
    pthread_mutex_lock(&f->lock);
    w->next = f->idle;
    f->idle = w;
    pthread_mutex_unlock(&f->lock);
}

/* --- reading */

/* A number's text in the file. */
static const char *raw_piece(const struct tokenizer_file *f, uint32_t number, size_t *size,
                             int *special)
{
    const char *piece = added_piece(f->added, number, size, special);
    if (piece)
        return piece;
    *special = 0;
    return vocabulary_piece(bpe_vocabulary(f->bpe), number, size);
}

static int make_pieces(struct tokenizer_file *f, const char *file, struct error *err)
{
    struct file_work *w = work_take(f, err);
    int failed = w ? 0 : -1, special;
    if (!failed && !(f->piece_end = malloc((f->count + 1) * sizeof *f->piece_end)))
        failed = text_short(err);
    for (uint32_t i = 0; !failed && i < f->count; i++) {
        size_t size;
        const char *piece = raw_piece(f, i, &size, &special);
        if (piece && decoder_piece(f->decoder, w->search, piece, size, &f->piece, err))
            failed = error_prefix(err, "%s: decoder", file);
        f->piece_end[i] = f->piece.size;
    }
    if (w)
        work_give(f, w);
    return failed;
}

static int read_parts(struct tokenizer_file *f, const char *file, struct error *err)
{
    const json_t *json = f->document;
    if (!json_is_object(json_object_get(json, "model")))
        return error_set(err, STATUS_INPUT, "%s: this is no tokenizer.json: there is no 'model'",
                         file);
    f->normalizer = normalizer_read(file, json_object_get(json, "normalizer"), err);
    f->pretokenizer =
        f->normalizer ? pretokenizer_read(file, json_object_get(json, "pre_tokenizer"), err) : NULL;
    f->bpe = f->pretokenizer ? bpe_read(file, json_object_get(json, "model"), err) : NULL;
    if (!f->bpe)
        return -1;
    f->added = added_read(file, json_object_get(json, "added_tokens"), bpe_vocabulary(f->bpe),
                          f->normalizer, err);
    if (!f->added)
        return -1;
    f->count = vocabulary_count(bpe_vocabulary(f->bpe));
    if (added_count(f->added) > f->count)
        f->count = added_count(f->added);
    f->postprocessor =
        postprocessor_read(file, json_object_get(json, "post_processor"), f->count, err);
    f->decoder =
        f->postprocessor ? decoder_read(file, json_object_get(json, "decoder"), err) : NULL;
    return f->decoder ? make_pieces(f, file, err) : -1;
}

struct tokenizer_file *tokenizer_file_of(json_t *document, const char *file, struct error *err)
{
    struct tokenizer_file *f = calloc(1, sizeof *f);
    if (!f || pthread_mutex_init(&f->lock, NULL)) {
        free(f);
        text_short(err);
        return NULL;
    }
    f->document = json_incref(document);
    if (!read_parts(f, file, err))
        return f;
    tokenizer_file_free(f);
    return NULL;
}

void tokenizer_file_free(struct tokenizer_file *f)
{
    if (!f)
        return;
    for (struct file_work *w = f->idle, *next; w; w = next) {
        next = w->next;
        work_free(w);
    }
    json_decref(f->document);
    normalizer_free(f->normalizer);
    pretokenizer_free(f->pretokenizer);
    bpe_free(f->bpe);
    added_free(f->added);
    postprocessor_free(f->postprocessor);
    decoder_free(f->decoder);
    textbuf_fini(&f->piece);
    free(f->piece_end);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

json_t *tokenizer_file_document(const struct tokenizer_file *f)
{
    return f->document;
}

size_t tokenizer_file_count(const struct tokenizer_file *f)
{
    return f->count;
}

/* --- encoding */

struct encoding {
    const struct tokenizer_file *file;
    struct file_work *work;
    int first; /* nothing stands in front of the text that is normalized */
};

static int add_number(struct encoding *e, uint32_t number, struct error *err)
{
    return textbuf_add(&e->work->numbers, (const char *)&number, sizeof number, err);
}

static int take_piece(void *ctx, const char *piece, size_t size, struct error *err)
{
    struct encoding *e = ctx;
    return bpe_encode(e->file->bpe, e->work->bpe, piece, size, &e->work->numbers, err);
}

/* Normalized text between added tokens, or such a token. */
static int take_normalized(void *ctx, const char *text, size_t from, size_t to, uint32_t number,
                           struct error *err)
{
    struct encoding *e = ctx;
    if (number != VOCABULARY_NONE)
        return add_number(e, number, err);
    return pretokenizer_run(e->file->pretokenizer, &e->work->pretokenizer, e->work->search,
                            text + from, to - from, e->first && !from, take_piece, e, err);
}

/* The same before it is normalized. */
static int take_raw(void *ctx, const char *text, size_t from, size_t to, uint32_t number,
                    struct error *err)
{
    struct encoding *e = ctx;
    const char *normalized = text + from;
    size_t size = to - from;
    if (number != VOCABULARY_NONE)
        return add_number(e, number, err);
    e->first = !from;
    if (normalizer_run(e->file->normalizer, &e->work->normalizer, e->work->search, &normalized,
                       &size, err))
        return -1;
    return added_cut(e->file->added, 1, normalized, size, take_normalized, e, err);
}

/* The numbers that were found, behind those of `to`, with those that frame a text. */
static int give_numbers(const struct postprocessor *p, const struct textbuf *numbers,
                        const struct tokenizer_frame *frame, struct tokens *to, struct error *err)
{
    const size_t found = numbers->size / sizeof(uint32_t);
    const size_t fronts = frame->front ? p->fronts : 0;
    const size_t behinds = frame->behind ? p->behinds : 0;
    if (fronts + behinds > frame->most)
        return error_set(err, STATUS_INPUT,
                         "%zu tokens stand around each text, and there is room for %zu",
                         fronts + behinds, frame->most);
    const size_t room = frame->most - fronts - behinds, count = found < room ? found : room;
    uint32_t *more = realloc(to->number, (to->count + fronts + count + behinds + 1) * sizeof *more);
    if (!more)
        return text_short(err);
    to->number = more;
    if (fronts)
        memcpy(more + to->count, p->front, fronts * sizeof *more);
    to->count += fronts;
    if (count)
        memcpy(more + to->count, numbers->at, count * sizeof *more);
    to->count += count;
    if (behinds)
        memcpy(more + to->count, p->behind, behinds * sizeof *more);
    to->count += behinds;
    return 0;
}

int tokenizer_file_encode(struct tokenizer_file *f, const char *text, size_t size,
                          const struct tokenizer_frame *frame, struct tokens *to, struct error *err)
{
    struct encoding e = {.file = f, .work = work_take(f, err)};
    if (!e.work)
        return -1;
    e.work->numbers.size = 0;
    e.work->numbers.most = sizeof(uint32_t) * textbuf_most(size);
    const int failed = added_cut(f->added, 0, text, size, take_raw, &e, err) ||
                       give_numbers(f->postprocessor, &e.work->numbers, frame, to, err);
    work_give(f, e.work);
    return failed ? -1 : 0;
}

/* --- the way back */

int tokenizer_file_has(const struct tokenizer_file *f, uint32_t number)
{
    size_t size;
    int special;
    return raw_piece(f, number, &size, &special) != NULL;
}

const char *tokenizer_file_piece(const struct tokenizer_file *f, uint32_t number, size_t *size)
{
    *size = 0;
    if (number >= f->count)
        return "";
    const size_t begin = number ? f->piece_end[number - 1] : 0;
    *size = f->piece_end[number] - begin;
    return *size ? f->piece.at + begin : "";
}

int64_t tokenizer_file_number(const struct tokenizer_file *f, const char *piece)
{
    const size_t size = strlen(piece);
    uint32_t number = added_find(f->added, piece, size);
    if (number == VOCABULARY_NONE)
        number = vocabulary_find(bpe_vocabulary(f->bpe), piece, size);
    return number == VOCABULARY_NONE ? -1 : (int64_t)number;
}

int tokenizer_file_is_special(const struct tokenizer_file *f, uint32_t number)
{
    size_t size;
    int special;
    return added_piece(f->added, number, &size, &special) && special;
}

char *tokenizer_file_decode(struct tokenizer_file *f, const uint32_t *number, size_t count,
                            int special, size_t *size, struct error *err)
{
    struct file_work *w = work_take(f, err);
    struct pieces pieces = {0};
    struct textbuf text = {0};
    int failed = w ? 0 : -1, is_special;
    for (size_t i = 0; !failed && i < count; i++) {
        const char *piece = raw_piece(f, number[i], size, &is_special);
        if (!piece)
            failed = error_set(err, STATUS_INPUT, "no token has the number %u", number[i]);
        else if (special || !is_special)
            failed = pieces_add(&pieces, piece, *size, err);
    }
    failed = failed || decoder_run(f->decoder, w->search, &pieces, &text, err) ||
             textbuf_add(&text, "", 1, err);
    pieces_fini(&pieces);
    if (w)
        work_give(f, w);
    *size = failed ? 0 : text.size - 1;
    if (failed)
        textbuf_fini(&text);
    return text.at;
}
