/* SPDX-License-Identifier: MIT */
#include "text/bpe_train.h"

#include <stdlib.h>
#include <string.h>

#include "text/byte_level.h"
#include "text/hash.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

#define FREQUENCY 2 /* a pair that occurs more seldom is not merged */
#define NONE UINT32_MAX

/* All but the model. */
#define DOCUMENT(normalizer, pre_tokenizer)                                                       \
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[{\"id\":0,"      \
    "\"content\":\"<|endoftext|>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"      \
    "\"normalized\":false,\"special\":true}],\"normalizer\":" normalizer                          \
    ",\"pre_tokenizer\":" pre_tokenizer ",\"post_processor\":{\"type\":\"ByteLevel\","            \
    "\"add_prefix_space\":true,\"trim_offsets\":false,\"use_regex\":true},\"decoder\":{\"type\":" \
    "\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}}"
#define BYTE_LEVEL(regex)                                                             \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_" \
    "regex\":" regex "}"
#define QWEN                                                                         \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}|" \
    " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"

const char *const bpe_train_kinds[] = {"gpt2", "qwen", NULL};

static const char *const documents[] = {
    DOCUMENT("null", BYTE_LEVEL("true")),
    DOCUMENT("{\"type\":\"NFC\"}",
             "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
             "\"" QWEN "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL("false") "]}"),
};

/* A word: count times number[0 .. size - 1], in the pool of all. */
struct word {
    size_t at;
    uint32_t size;
    int64_t count;
};

/* Two neighbours. `change` is that of this merge, NONE where it makes no new place for them. */
struct pair {
    uint32_t left, right, change;
    int64_t count;
};

/* Words in which a pair stands, by their places. */
struct places {
    uint32_t *word;
    size_t count, room;
};

/* A pair that a merge made, and where. */
struct change {
    uint32_t pair;
    struct places places;
};

/* A pair that waits, with the count that was known when it came. */
struct waiting {
    int64_t count;
    uint32_t pair;
    struct places places;
};

struct bpe_training {
    json_t *document;
    struct normalizer *normalizer;
    struct pretokenizer *pretokenizer;
    struct normalizer_work normalizer_work;
    struct pretokenizer_work pretokenizer_work;
    struct pattern_work *search;
    struct vocabulary *text; /* words by their text; their counts: */
    int64_t *count;
    size_t count_room;

    struct word *word; /* [words] */
    size_t words;
    uint32_t *number;  /* the pool */
    struct pair *pair; /* [pairs] */
    size_t pairs, pair_room;
    uint32_t *slot; /* [slots], a power of two: pair + 1, 0: none */
    size_t slots;
    struct change *change; /* [changes] */
    size_t changes, change_room;
    struct waiting *heap; /* [waits] */
    size_t waits, heap_room;
    struct vocabulary *vocabulary; /* pieces */
    struct textbuf both;
    json_t *merges;
};

/* One more element of an array that begins with `room` for them. */
static void *grown(void *array, size_t count, size_t *room, size_t size, struct error *err)
{
    if (count < *room)
        return array;
    const size_t more = 2 * *room + 16;
    void *at = more < SIZE_MAX / size ? realloc(array, more * size) : NULL;
    if (at)
        *room = more;
    else
        text_short(err);
    return at;
}

/* --- counting words */

struct bpe_training *bpe_training_new(const char *kind, struct error *err)
{
    size_t i = 0;
    while (bpe_train_kinds[i] && strcmp(kind, bpe_train_kinds[i]) != 0)
        i++;
    if (!bpe_train_kinds[i]) {
        error_set(err, STATUS_USAGE, "'%s' is no kind of tokenizer that is trained: gpt2, qwen",
                  kind);
        return NULL;
    }
    struct bpe_training *t = calloc(1, sizeof *t);
    if (t && (t->document = json_loads(documents[i], 0, NULL))) {
        t->normalizer = normalizer_read(kind, json_object_get(t->document, "normalizer"), err);
        t->pretokenizer =
            pretokenizer_read(kind, json_object_get(t->document, "pre_tokenizer"), err);
        t->search = pattern_work_new(err);
        t->text = vocabulary_new(err);
        if (t->normalizer && t->pretokenizer && t->search && t->text)
            return t;
    } else
        text_short(err);
    bpe_training_free(t);
    return NULL;
}

void bpe_training_free(struct bpe_training *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->changes; i++)
        free(t->change[i].places.word);
    for (size_t i = 0; i < t->waits; i++)
        free(t->heap[i].places.word);
    json_decref(t->document);
    json_decref(t->merges);
    normalizer_free(t->normalizer);
    pretokenizer_free(t->pretokenizer);
    normalizer_work_fini(&t->normalizer_work);
    pretokenizer_work_fini(&t->pretokenizer_work);
    pattern_work_free(t->search);
    vocabulary_free(t->text);
    vocabulary_free(t->vocabulary);
    textbuf_fini(&t->both);
    free(t->count);
    free(t->word);
    free(t->number);
    free(t->pair);
    free(t->slot);
    free(t->change);
    free(t->heap);
    free(t);
}

static int count_word(void *ctx, const char *word, size_t size, struct error *err)
{
    struct bpe_training *t = ctx;
    uint32_t i = vocabulary_find(t->text, word, size);
    if (i == VOCABULARY_NONE) {
        i = (uint32_t)vocabulary_count(t->text);
        int64_t *more = grown(t->count, i, &t->count_room, sizeof *t->count, err);
        if (!more)
            return -1;
        t->count = more;
        t->count[i] = 0;
        const int added = vocabulary_add(t->text, word, size, i, err);
        if (added)
            return added < 0
                       ? -1
                       : error_set(err, STATUS_INPUT, "the text has more than %zu different words",
                                   VOCABULARY_MOST);
    }
    t->count[i]++;
    return 0;
}

static int add_line(struct bpe_training *t, const char *line, size_t size, struct error *err)
{
    if (normalizer_run(t->normalizer, &t->normalizer_work, t->search, &line, &size, err))
        return -1;
    return pretokenizer_run(t->pretokenizer, &t->pretokenizer_work, t->search, line, size, 1,
                            count_word, t, err);
}

int bpe_training_add(struct bpe_training *t, const char *text, size_t size, size_t *bad,
                     struct error *err)
{
    *bad = utf8_whole(text, size);
    if (*bad < size)
        return error_set(err, STATUS_INPUT, "this line is no UTF-8 text");
    for (size_t n; size; text += n, size -= n) {
        const char *end = memchr(text, '\n', size);
        n = end ? (size_t)(end - text) + 1 : size;
        if (add_line(t, text, n, err))
            return -1;
    }
    return 0;
}

/* --- words as numbers */

/* The special token, then the characters of the bytes in their order. */
static int begin_vocabulary(struct bpe_training *t, struct error *err)
{
    static const char special[] = "<|endoftext|>";
    if (!(t->vocabulary = vocabulary_new(err)) ||
        vocabulary_add(t->vocabulary, special, sizeof special - 1, 0, err))
        return -1;
    for (uint32_t point = 0; point < 0x200; point++)
        for (unsigned byte = 0; byte < 256; byte++) {
            char character[UTF8_MOST];
            if (byte_level_point((unsigned char)byte) == point &&
                vocabulary_add(t->vocabulary, character, utf8_write(point, character),
                               (uint32_t)vocabulary_count(t->vocabulary), err))
                return -1;
        }
    return 0;
}

/* All words, each of its characters; their texts are given up. */
static int make_words(struct bpe_training *t, struct error *err)
{
    size_t size, numbers = 0;
    t->words = vocabulary_count(t->text);
    for (size_t i = 0; i < t->words; i++) {
        vocabulary_piece(t->text, (uint32_t)i, &size);
        numbers += size;
    }
    t->word = calloc(t->words + 1, sizeof *t->word);
    t->number = malloc((numbers + 1) * sizeof *t->number);
    if (!t->word || !t->number)
        return text_short(err);
    numbers = 0;
    for (size_t i = 0; i < t->words; i++) {
        const char *text = vocabulary_piece(t->text, (uint32_t)i, &size);
        t->word[i] = (struct word){numbers, 0, t->count[i]};
        for (size_t k = 0, n; k < size; k += n, t->word[i].size++) {
            uint32_t point;
            n = utf8_read(text + k, size - k, &point);
            t->number[numbers++] = vocabulary_find(t->vocabulary, text + k, n);
        }
    }
    vocabulary_free(t->text);
    t->text = NULL;
    return 0;
}

/* --- pairs */

static size_t slot_of(const struct bpe_training *t, uint32_t left, uint32_t right)
{
    size_t i = hash_number((uint64_t)left << 32 | right) & (t->slots - 1);
    while (t->slot[i] &&
           (t->pair[t->slot[i] - 1].left != left || t->pair[t->slot[i] - 1].right != right))
        i = (i + 1) & (t->slots - 1);
    return i;
}

static int grow_slots(struct bpe_training *t, struct error *err)
{
    if (2 * (t->pairs + 1) <= t->slots)
        return 0;
    const size_t slots = t->slots ? 2 * t->slots : 1024;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return text_short(err);
    free(t->slot);
    t->slot = slot;
    t->slots = slots;
    for (size_t i = 0; i < t->pairs; i++)
        slot[slot_of(t, t->pair[i].left, t->pair[i].right)] = (uint32_t)i + 1;
    return 0;
}

/* The place of a pair, which is made; NONE: no memory. */
static uint32_t pair_of(struct bpe_training *t, uint32_t left, uint32_t right, struct error *err)
{
    if (grow_slots(t, err))
        return NONE;
    const size_t i = slot_of(t, left, right);
    if (t->slot[i])
        return t->slot[i] - 1;
    struct pair *more = grown(t->pair, t->pairs, &t->pair_room, sizeof *more, err);
    if (!more || t->pairs >= NONE - 1)
        return NONE;
    t->pair = more;
    t->pair[t->pairs] = (struct pair){left, right, NONE, 0};
    t->slot[i] = (uint32_t)++t->pairs;
    return t->slot[i] - 1;
}

/* The pair stands in the word anew; a word comes once, one behind the other. */
static int note_place(struct bpe_training *t, uint32_t pair, uint32_t word, struct error *err)
{
    if (t->pair[pair].change == NONE) {
        struct change *more = grown(t->change, t->changes, &t->change_room, sizeof *more, err);
        if (!more)
            return -1;
        t->change = more;
        t->change[t->changes] = (struct change){.pair = pair};
        t->pair[pair].change = (uint32_t)t->changes++;
    }
    struct places *p = &t->change[t->pair[pair].change].places;
    if (p->count && p->word[p->count - 1] == word)
        return 0;
    uint32_t *more = grown(p->word, p->count, &p->room, sizeof *more, err);
    if (!more)
        return -1;
    p->word = more;
    p->word[p->count++] = word;
    return 0;
}

/* The pair stands in the word once more, or once less. */
static int change_pair(struct bpe_training *t, uint32_t left, uint32_t right, uint32_t word,
                       int more, struct error *err)
{
    const uint32_t pair = pair_of(t, left, right, err);
    if (pair == NONE)
        return -1;
    t->pair[pair].count += more ? t->word[word].count : -t->word[word].count;
    return more ? note_place(t, pair, word, err) : 0;
}

/* --- the pairs that wait */

/* The more frequent one first, then the one with the smaller numbers. */
static int comes_first(const struct bpe_training *t, const struct waiting *a,
                       const struct waiting *b)
{
    const struct pair *p = &t->pair[a->pair], *q = &t->pair[b->pair];
    if (a->count != b->count)
        return a->count > b->count;
    return p->left != q->left ? p->left < q->left : p->right < q->right;
}

static int push(struct bpe_training *t, struct waiting w, struct error *err)
{
    struct waiting *more = grown(t->heap, t->waits, &t->heap_room, sizeof *more, err);
    if (!more)
        return -1;
    t->heap = more;
    size_t i = t->waits++;
    for (; i && comes_first(t, &w, &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = w;
    return 0;
}

static struct waiting pop(struct bpe_training *t)
{
    const struct waiting first = t->heap[0], last = t->heap[--t->waits];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < t->waits; i = child) {
        if (child + 1 < t->waits && comes_first(t, &t->heap[child + 1], &t->heap[child]))
            child++;
        if (!comes_first(t, &t->heap[child], &last))
            break;
        t->heap[i] = t->heap[child];
    }
    t->heap[i] = last;
    return first;
}

/* What was changed waits from now on, where it occurs. */
static int push_changes(struct bpe_training *t, struct error *err)
{
    int failed = 0;
    for (size_t i = 0; i < t->changes; i++) {
        struct change *c = &t->change[i];
        const int64_t count = t->pair[c->pair].count;
        t->pair[c->pair].change = NONE;
        if (!failed && count > 0 &&
            !(failed = push(t, (struct waiting){count, c->pair, c->places}, err)))
            continue;
        free(c->places.word);
    }
    t->changes = 0;
    return failed;
}

/* --- merging */

static int count_pairs(struct bpe_training *t, struct error *err)
{
    for (uint32_t i = 0; i < t->words; i++)
        for (size_t k = t->word[i].at; k + 1 < t->word[i].at + t->word[i].size; k++)
            if (change_pair(t, t->number[k], t->number[k + 1], i, 1, err))
                return -1;
    return push_changes(t, err);
}

/* One number in place of each pair in a word. */
static int merge_in_word(struct bpe_training *t, uint32_t word, struct pair pair, uint32_t becomes,
                         struct error *err)
{
    struct word *w = &t->word[word];
    uint32_t *number = t->number + w->at;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->size; i++) {
        if (i + 1 == w->size || number[i] != pair.left || number[i + 1] != pair.right) {
            number[kept++] = number[i];
            continue;
        }
        if (kept && (change_pair(t, number[kept - 1], pair.left, word, 0, err) ||
                     change_pair(t, number[kept - 1], becomes, word, 1, err)))
            return -1;
        if (i + 2 < w->size && (change_pair(t, pair.right, number[i + 2], word, 0, err) ||
                                change_pair(t, becomes, number[i + 2], word, 1, err)))
            return -1;
        number[kept++] = becomes;
        i++;
    }
    w->size = kept;
    return 0;
}

/* The number of the piece that the pair becomes, which is made; NONE: no memory. */
static uint32_t piece_of(struct bpe_training *t, struct pair pair, struct error *err)
{
    size_t left, right;
    const char *one = vocabulary_piece(t->vocabulary, pair.left, &left);
    const char *other = vocabulary_piece(t->vocabulary, pair.right, &right);
    json_t *merge = json_pack("[s%,s%]", one, left, other, right);
    t->both.size = 0;
    if (!merge || json_array_append_new(t->merges, merge)) {
        text_short(err);
        return NONE;
    }
    if (textbuf_add(&t->both, one, left, err) || textbuf_add(&t->both, other, right, err))
        return NONE;
    const uint32_t known = vocabulary_find(t->vocabulary, t->both.at, t->both.size);
    const uint32_t next = (uint32_t)vocabulary_count(t->vocabulary);
    if (known != VOCABULARY_NONE)
        return known;
    return vocabulary_add(t->vocabulary, t->both.at, t->both.size, next, err) ? NONE : next;
}

static int merge_pairs(struct bpe_training *t, size_t numbers, struct error *err)
{
    while (t->waits && vocabulary_count(t->vocabulary) < numbers) {
        struct waiting top = pop(t);
        const struct pair pair = t->pair[top.pair];
        if (top.count != pair.count) {
            top.count = pair.count;
            if (push(t, top, err)) /* there is room: it was taken from there */
                return -1;
            continue;
        }
        if (top.count < FREQUENCY) {
            free(top.places.word);
            break;
        }
        const uint32_t becomes = piece_of(t, pair, err);
        int failed = becomes == NONE ? -1 : 0;
        for (size_t i = 0; !failed && i < top.places.count; i++)
            failed = merge_in_word(t, top.places.word[i], pair, becomes, err);
        free(top.places.word);
        if (failed || push_changes(t, err))
            return -1;
    }
    return 0;
}

/* --- the document */

static int set_model(struct bpe_training *t, struct error *err)
{
    json_t *vocab = json_object();
    json_t *model =
        json_pack("{s:s,s:n,s:n,s:n,s:n,s:b,s:b,s:b,s:o,s:O}", "type", "BPE", "dropout",
                  "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
                  "byte_fallback", 0, "ignore_merges", 0, "vocab", vocab, "merges", t->merges);
    for (uint32_t i = 0; model && i < vocabulary_count(t->vocabulary); i++) {
        size_t size;
        const char *piece = vocabulary_piece(t->vocabulary, i, &size);
        t->both.size = 0;
        if (textbuf_add(&t->both, piece, size, err) || textbuf_add(&t->both, "", 1, err) ||
            json_object_set_new(vocab, t->both.at, json_integer(i))) {
            json_decref(model);
            model = NULL;
        }
    }
    return model && !json_object_set_new(t->document, "model", model) ? 0 : text_short(err);
}

json_t *bpe_training_end(struct bpe_training *t, size_t numbers, size_t *got, struct error *err)
{
    if (!(t->merges = json_array())) {
        text_short(err);
        return NULL;
    }
    if (begin_vocabulary(t, err) || make_words(t, err) || count_pairs(t, err) ||
        merge_pairs(t, numbers, err) || set_model(t, err))
        return NULL;
    *got = vocabulary_count(t->vocabulary);
    return json_incref(t->document);
}
