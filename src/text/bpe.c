/* SPDX-License-Identifier: MIT */
#include "text/bpe.h"

#include <stdio.h>
#include <stdlib.h>

#include "text/byte_level.h"
#include "text/field.h"
#include "text/hash.h"
#include "text/utf8.h"

#define LOW 512 /* code points whose numbers are found at once: those that stand for bytes */

/* What a pair of numbers becomes. */
struct merge {
    uint32_t left, right, rank, becomes; /* becomes VOCABULARY_NONE: the slot is empty */
};

struct bpe {
    struct vocabulary *vocabulary;
    struct merge *merge; /* [merges], a power of two, at most half of them taken */
    size_t merges;
    uint32_t low[LOW], byte[256]; /* numbers of characters, and of <0x00> ... */
    uint32_t unknown;             /* VOCABULARY_NONE: there is none */
    int fuse_unknown, byte_fallback, ignore_merges;
};

/* --- reading */

static int read_vocabulary(struct bpe *b, const struct part *part, const json_t *vocab,
                           struct error *err)
{
    const char *piece;
    json_t *number;
    char shown[FIELD_SHOWN];
    if (!json_object_size(vocab))
        return field_fault(part, err, "'vocab' is no object with pieces and their numbers");
    if (!(b->vocabulary = vocabulary_new(err)))
        return -1;
    json_object_foreach((json_t *)(uintptr_t)vocab, piece, number)
    {
        const json_int_t is = json_is_integer(number) ? json_integer_value(number) : -1;
        if (is < 0 || is >= (json_int_t)VOCABULARY_MOST)
            return field_fault(part, err, "the piece '%s' has no number of 0 .. %zu",
                               field_shown(piece, shown), VOCABULARY_MOST - 1);
        const int added = vocabulary_add(b->vocabulary, piece, strlen(piece), (uint32_t)is, err);
        if (added)
            return added < 0 ? -1
                             : field_fault(part, err,
                                           "the piece '%s' and another one have the number "
                                           "%lld",
                                           field_shown(piece, shown), (long long)is);
    }
    return 0;
}

/* The slot of a pair. */
static struct merge *merge_slot(const struct bpe *b, uint32_t left, uint32_t right)
{
    size_t i = hash_number((uint64_t)left << 32 | right) & (b->merges - 1);
    while (b->merge[i].becomes != VOCABULARY_NONE &&
           (b->merge[i].left != left || b->merge[i].right != right))
        i = (i + 1) & (b->merges - 1);
    return &b->merge[i];
}

/* The two pieces of "a b" or ["a", "b"]. */
static int merge_pieces(const json_t *merge, const char *piece[2], size_t size[2])
{
    if (json_is_string(merge)) {
        const char *text = json_string_value(merge);
        const char *blank = strchr(text, ' ');
        piece[0] = text;
        piece[1] = blank ? blank + 1 : "";
        size[0] = blank ? (size_t)(blank - text) : 0;
        size[1] = strlen(piece[1]);
        return blank && !strchr(piece[1], ' ') ? 0 : -1;
    }
    for (size_t i = 0; i < 2; i++) {
        piece[i] = json_string_value(json_array_get(merge, i));
        size[i] = json_string_length(json_array_get(merge, i));
    }
    return piece[0] && piece[1] && json_array_size(merge) == 2 ? 0 : -1;
}

static int read_merge(struct bpe *b, const struct part *part, const json_t *merge, uint32_t rank,
                      struct textbuf *both, struct error *err)
{
    const char *piece[2];
    size_t size[2];
    char shown[FIELD_SHOWN];
    uint32_t number[2];
    if (merge_pieces(merge, piece, size))
        return field_fault(part, err, "merge %u is no pair of pieces", rank);
    both->size = 0;
    for (size_t i = 0; i < 2; i++) {
        number[i] = vocabulary_find(b->vocabulary, piece[i], size[i]);
        if (textbuf_add(both, piece[i], size[i], err))
            return -1;
    }
    const uint32_t becomes = vocabulary_find(b->vocabulary, both->at, both->size);
    if (number[0] == VOCABULARY_NONE || number[1] == VOCABULARY_NONE || becomes == VOCABULARY_NONE)
        return field_fault(part, err,
                           "merge %u, '%s' and what follows, has pieces that are not in 'vocab'",
                           rank, field_shown(piece[0], shown));
    *merge_slot(b, number[0], number[1]) = (struct merge){number[0], number[1], rank, becomes};
    return 0;
}

static int read_merges(struct bpe *b, const struct part *part, const json_t *merges,
                       struct error *err)
{
    const size_t count = json_array_size(merges);
    struct textbuf both = {0};
    uint32_t rank = 0;
    int failed = 0;
    if (!json_is_array(merges) || count > VOCABULARY_MOST)
        return field_fault(part, err, "'merges' is no list of at most %zu pairs", VOCABULARY_MOST);
    for (b->merges = 16; b->merges < 2 * count; b->merges *= 2)
        ;
    if (!(b->merge = malloc(b->merges * sizeof *b->merge)))
        return text_short(err);
    for (size_t i = 0; i < b->merges; i++)
        b->merge[i].becomes = VOCABULARY_NONE;
    for (size_t i = 0; i < count && !failed; i++) {
        const json_t *merge = json_array_get(merges, i);
        const char *text = json_string_value(merge);
        if (!text || strncmp(text, "#version", 8) != 0)
            failed = read_merge(b, part, merge, rank++, &both, err);
    }
    textbuf_fini(&both);
    return failed;
}

/* What this model does not do, and another program would. */
static int refuse_rest(const struct part *part, const json_t *json, struct error *err)
{
    static const char *const empty[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(json, empty[i]));
        if (text && *text)
            return field_fault(part, err, "BPE: %s is not known here", empty[i]);
    }
    if (json_number_value(json_object_get(json, "dropout")) > 0)
        return field_fault(part, err, "BPE: dropout is not known here");
    return 0;
}

static int read_unknown(struct bpe *b, const struct part *part, const json_t *json,
                        struct error *err)
{
    const json_t *unknown = json_object_get(json, "unk_token");
    char shown[FIELD_SHOWN];
    b->unknown = VOCABULARY_NONE;
    if (!unknown || json_is_null(unknown))
        return 0;
    if (json_is_string(unknown))
        b->unknown =
            vocabulary_find(b->vocabulary, json_string_value(unknown), json_string_length(unknown));
    return b->unknown != VOCABULARY_NONE
               ? 0
               : field_fault(part, err, "unk_token '%s' is not in 'vocab'",
                             field_shown(json_is_string(unknown) ? json_string_value(unknown) : "?",
                                         shown));
}

static void find_characters(struct bpe *b)
{
    for (uint32_t i = 0; i < LOW; i++) {
        char character[UTF8_MOST];
        b->low[i] = vocabulary_find(b->vocabulary, character, utf8_write(i, character));
    }
    for (unsigned i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", i);
        b->byte[i] = vocabulary_find(b->vocabulary, name, 6);
    }
}

struct bpe *bpe_read(const char *file, const json_t *json, struct error *err)
{
    const struct part part = {file, "model"};
    const json_t *type = json_object_get(json, "type");
    char shown[FIELD_SHOWN];
    struct bpe *b = NULL;
    if (!json_is_object(json))
        field_fault(&part, err, "it is missing");
    else if (type && (!json_is_string(type) || strcmp(json_string_value(type), "BPE") != 0))
        field_fault(&part, err, "%s is no kind that is known here: BPE",
                    field_shown(json_is_string(type) ? json_string_value(type) : "?", shown));
    else if (!(b = calloc(1, sizeof *b)))
        text_short(err);
    else if (!refuse_rest(&part, json, err) &&
             !read_vocabulary(b, &part, json_object_get(json, "vocab"), err) &&
             !read_merges(b, &part, json_object_get(json, "merges"), err) &&
             !read_unknown(b, &part, json, err) &&
             !field_flag(&part, json, "fuse_unk", 0, &b->fuse_unknown, err) &&
             !field_flag(&part, json, "byte_fallback", 0, &b->byte_fallback, err) &&
             !field_flag(&part, json, "ignore_merges", 0, &b->ignore_merges, err)) {
        find_characters(b);
        return b;
    }
    bpe_free(b);
    return NULL;
}

void bpe_free(struct bpe *b)
{
    if (!b)
        return;
    vocabulary_free(b->vocabulary);
    free(b->merge);
    free(b);
}

const struct vocabulary *bpe_vocabulary(const struct bpe *b)
{
    return b->vocabulary;
}

/* --- encoding */

struct symbol {
    uint32_t number;
    int32_t before, behind; /* -1: none */
    int32_t gone;
};

/* A pair that may be merged: that of the symbol at `at` and the one behind it. */
struct candidate {
    uint32_t rank, becomes;
    int32_t at;
};

#define CACHE_WORDS ((size_t)1 << 15)
#define CACHE_BYTES 46
#define CACHE_NUMBERS 12

/* The numbers of a word; a word that comes to the same place takes it. */
struct remembered {
    unsigned char size, count; /* size 0: none */
    char word[CACHE_BYTES];
    uint32_t number[CACHE_NUMBERS];
};

struct bpe_work {
    struct remembered *word; /* [CACHE_WORDS] */
    struct symbol *symbol;   /* [count] of the word at hand */
    size_t count, room;
    struct candidate *heap; /* [waiting], the first is the next */
    size_t waiting, heap_room;
};

struct bpe_work *bpe_work_new(struct error *err)
{
    struct bpe_work *w = calloc(1, sizeof *w);
    if (w && (w->word = calloc(CACHE_WORDS, sizeof *w->word)))
        return w;
    free(w);
    text_short(err);
    return NULL;
}

void bpe_work_free(struct bpe_work *w)
{
    if (!w)
        return;
    free(w->word);
    free(w->symbol);
    free(w->heap);
    free(w);
}

static int add_symbol(struct bpe_work *w, uint32_t number, struct error *err)
{
    if (w->count == w->room) {
        const size_t room = 2 * w->room + 64;
        struct symbol *more = room < INT32_MAX ? realloc(w->symbol, room * sizeof *more) : NULL;
        if (!more)
            return text_short(err);
        w->symbol = more;
        w->room = room;
    }
    w->symbol[w->count] = (struct symbol){number, (int32_t)w->count - 1, (int32_t)w->count + 1, 0};
    w->count++;
    return 0;
}

static int comes_first(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static int push(struct bpe_work *w, struct candidate c, struct error *err)
{
    if (w->waiting == w->heap_room) {
        const size_t room = 2 * w->heap_room + 64;
        struct candidate *more = realloc(w->heap, room * sizeof *more);
        if (!more)
            return text_short(err);
        w->heap = more;
        w->heap_room = room;
    }
    size_t i = w->waiting++;
    for (; i && comes_first(&c, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
    return 0;
}

static struct candidate pop(struct bpe_work *w)
{
    const struct candidate first = w->heap[0], last = w->heap[--w->waiting];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < w->waiting; i = child) {
        if (child + 1 < w->waiting && comes_first(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!comes_first(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return first;
}

/* The pair of a symbol and the one behind it waits, if it becomes something. */
static int consider(const struct bpe *b, struct bpe_work *w, int32_t at, struct error *err)
{
    if (at < 0 || w->symbol[at].behind < 0)
        return 0;
    const struct merge *m =
        merge_slot(b, w->symbol[at].number, w->symbol[w->symbol[at].behind].number);
    return m->becomes == VOCABULARY_NONE
               ? 0
               : push(w, (struct candidate){m->rank, m->becomes, at}, err);
}

static int merge_symbols(const struct bpe *b, struct bpe_work *w, struct error *err)
{
    w->waiting = 0;
    w->symbol[w->count - 1].behind = -1;
    for (size_t i = 0; i + 1 < w->count; i++)
        if (consider(b, w, (int32_t)i, err))
            return -1;
    while (w->waiting) {
        const struct candidate c = pop(w);
        struct symbol *left = &w->symbol[c.at];
        if (left->gone || left->behind < 0)
            continue;
        struct symbol *right = &w->symbol[left->behind];
        if (merge_slot(b, left->number, right->number)->becomes != c.becomes)
            continue; /* one of the two has been merged since */
        left->number = c.becomes;
        left->behind = right->behind;
        right->gone = 1;
        if (left->behind >= 0)
            w->symbol[left->behind].before = c.at;
        if (consider(b, w, left->before, err) || consider(b, w, c.at, err))
            return -1;
    }
    return 0;
}

/* A character without a number: as its bytes, if each of these has one. 1: they have not. */
static int add_bytes(const struct bpe *b, struct bpe_work *w, const char *bytes, size_t size,
                     struct error *err)
{
    for (size_t i = 0; i < size; i++)
        if (b->byte[(unsigned char)bytes[i]] == VOCABULARY_NONE)
            return 1;
    for (size_t i = 0; i < size; i++)
        if (add_symbol(w, b->byte[(unsigned char)bytes[i]], err))
            return -1;
    return 0;
}

static uint32_t number_of(const struct bpe *b, const char *bytes, size_t size, uint32_t point)
{
    return point < LOW ? b->low[point] : vocabulary_find(b->vocabulary, bytes, size);
}

/* Of a byte-level tokenizer it is a byte that has none. */
static int no_number(uint32_t point, struct error *err)
{
    char byte[64] = "";
    if (point >= 0x100 && byte_level_byte(point) >= 0)
        snprintf(byte, sizeof byte, ", which may stand for the byte %02X",
                 (unsigned)byte_level_byte(point));
    return error_set(err, STATUS_INPUT,
                     "the tokenizer has no number for the character U+%04X%s, and no unk_token",
                     (unsigned)point, byte);
}

/* The characters of a piece as symbols. An unknown one waits for those behind it, which are one
 * with it under fuse_unk; bytes of another character overtake it, as they do in the tokenizers
 * library. */
static int add_characters(const struct bpe *b, struct bpe_work *w, const char *piece, size_t size,
                          struct error *err)
{
    int unknown = 0;
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t point = 0;
        n = utf8_read(piece + i, size - i, &point);
        const uint32_t number = number_of(b, piece + i, n, point);
        const int as_bytes =
            number == VOCABULARY_NONE && b->byte_fallback ? add_bytes(b, w, piece + i, n, err) : 1;
        if (as_bytes < 0)
            return -1;
        if (!as_bytes)
            continue;
        const int waits = number == VOCABULARY_NONE;
        if (waits && b->unknown == VOCABULARY_NONE)
            return no_number(point, err);
        if (unknown && !(waits && b->fuse_unknown) && add_symbol(w, b->unknown, err))
            return -1;
        unknown = waits;
        if (!waits && add_symbol(w, number, err))
            return -1;
    }
    return unknown ? add_symbol(w, b->unknown, err) : 0;
}

/* The numbers of a piece that is not remembered. */
static int encode_anew(const struct bpe *b, struct bpe_work *w, const char *piece, size_t size,
                       struct textbuf *to, struct error *err)
{
    const uint32_t whole =
        b->ignore_merges ? vocabulary_find(b->vocabulary, piece, size) : VOCABULARY_NONE;
    if (whole != VOCABULARY_NONE)
        return textbuf_add(to, (const char *)&whole, sizeof whole, err);
    w->count = 0;
    if (add_characters(b, w, piece, size, err) || (w->count && merge_symbols(b, w, err)))
        return -1;
    for (size_t i = 0; i < w->count; i++)
        if (!w->symbol[i].gone &&
            textbuf_add(to, (const char *)&w->symbol[i].number, sizeof(uint32_t), err))
            return -1;
    return 0;
}

int bpe_encode(const struct bpe *b, struct bpe_work *w, const char *piece, size_t size,
               struct textbuf *to, struct error *err)
{
    if (size > CACHE_BYTES)
        return encode_anew(b, w, piece, size, to, err);
    struct remembered *word = &w->word[hash_bytes(piece, size) & (CACHE_WORDS - 1)];
    if (word->size == size && !memcmp(word->word, piece, size))
        return textbuf_add(to, (const char *)word->number, word->count * sizeof(uint32_t), err);
    const size_t before = to->size;
    if (encode_anew(b, w, piece, size, to, err))
        return -1;
    const size_t count = (to->size - before) / sizeof(uint32_t);
    if (count <= CACHE_NUMBERS) {
        word->size = (unsigned char)size;
        word->count = (unsigned char)count;
        memcpy(word->word, piece, size);
        memcpy(word->number, to->at + before, count * sizeof(uint32_t));
    }
    return 0;
}
