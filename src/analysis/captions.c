/* SPDX-License-Identifier: MIT */
#include "analysis/captions.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/grams.h"

/* Of a corpus without a match: so that nothing is divided by 0 (pycocoevalcap). */
#define BLEU_SMALL 1e-9
#define BLEU_TINY 1e-15
#define ROUGE_BETA 1.2
#define CIDER_SIGMA 6.0
#define CIDER_SCALE 10

struct caption {
    char *text; /* tokens, a blank between two */
    struct sentence sentence;
};

struct corpus {
    size_t count;
    const char *const *generated; /* [count] as they came */
    const char *const *const *references;
    struct caption *caption;   /* [count] generated ones */
    struct caption *reference; /* [first[count]] those of one sample behind each other */
    size_t *first;             /* [count + 1] the first reference of each sample */
    struct grams grams;
    double *weight; /* [nodes] of an n-gram for CIDEr-D */
};

static int out_of_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

/* --- the corpus */

static int caption_init(struct caption *c, const char *text, enum caption_tokens rule,
                        struct caption_work *work, struct textbuf *tokens, struct grams *grams,
                        struct error *err)
{
    if (caption_tokens(rule, text, work, tokens, err))
        return -1;
    c->text = malloc(tokens->size + 1);
    if (!c->text)
        return out_of_memory(err);
    memcpy(c->text, tokens->at, tokens->size + 1);
    return sentence_init(&c->sentence, c->text, grams, err);
}

static void captions_free(struct caption *caption, size_t count)
{
    for (size_t i = 0; caption && i < count; i++) {
        free(caption[i].text);
        sentence_fini(&caption[i].sentence);
    }
    free(caption);
}

static void corpus_fini(struct corpus *c)
{
    captions_free(c->caption, c->count);
    captions_free(c->reference, c->first ? c->first[c->count] : 0);
    free(c->first);
    free(c->weight);
    grams_fini(&c->grams);
}

/* Where the references of each sample begin. */
static int count_references(struct corpus *c, struct error *err)
{
    c->first = calloc(c->count + 1, sizeof *c->first);
    if (!c->first)
        return out_of_memory(err);
    for (size_t i = 0, n; i < c->count; i++) {
        for (n = 0; c->references[i][n]; n++)
            ;
        c->first[i + 1] = c->first[i] + n;
    }
    return 0;
}

static int read_all(struct corpus *c, enum caption_tokens rule, struct error *err)
{
    struct caption_work work = {0};
    struct textbuf tokens = {0};
    int failed = 0;
    for (size_t i = 0; !failed && i < c->count; i++) {
        failed =
            caption_init(&c->caption[i], c->generated[i], rule, &work, &tokens, &c->grams, err);
        for (size_t k = c->first[i]; !failed && k < c->first[i + 1]; k++)
            failed = caption_init(&c->reference[k], c->references[i][k - c->first[i]], rule, &work,
                                  &tokens, &c->grams, err);
    }
    caption_work_fini(&work);
    textbuf_fini(&tokens);
    return failed;
}

/* The caller ends it, also where this fails. */
static int corpus_init(struct corpus *c, enum caption_tokens rule, struct error *err)
{
    if (count_references(c, err))
        return -1;
    for (size_t i = 0; i < c->count; i++)
        if (c->first[i] == c->first[i + 1])
            return error_set(err, STATUS_FAILED, "caption %zu has no reference", i + 1);
    c->caption = calloc(c->count + 1, sizeof *c->caption);
    c->reference = calloc(c->first[c->count] + 1, sizeof *c->reference);
    return c->caption && c->reference ? read_all(c, rule, err) : out_of_memory(err);
}

/* --- BLEU */

struct bleu {
    double length, reference_length;
    double guessed[CAPTIONS_BLEU], correct[CAPTIONS_BLEU]; /* n-grams */
};

/* The length of a reference that is closest to that of the caption, of two the shorter. */
static size_t closest_length(const struct corpus *c, size_t i)
{
    const size_t length = c->caption[i].sentence.tokens;
    size_t best = c->reference[c->first[i]].sentence.tokens;
    for (size_t k = c->first[i] + 1; k < c->first[i + 1]; k++) {
        const size_t is = c->reference[k].sentence.tokens;
        const size_t far = is > length ? is - length : length - is;
        const size_t least = best > length ? best - length : length - best;
        if (far < least || (far == least && is < best))
            best = is;
    }
    return best;
}

/* n-grams of a caption that stand as often in one of its references. */
static double matches(const struct corpus *c, size_t i, size_t n)
{
    const struct sentence *s = &c->caption[i].sentence;
    double sum = 0;
    for (size_t g = s->begin[n - 1]; g < s->begin[n]; g++) {
        uint32_t most = 0;
        for (size_t k = c->first[i]; k < c->first[i + 1]; k++) {
            const uint32_t is = sentence_count(&c->reference[k].sentence, n, s->gram[g].node);
            most = is > most ? is : most;
        }
        sum += most < s->gram[g].count ? most : s->gram[g].count;
    }
    return sum;
}

/* BLEU-n = (correct / guessed of 1 .. n)^(1/n) exp(1 - reference length / length), the latter where
 * the captions are shorter */
static void measure_bleu(const struct corpus *c, double bleu[CAPTIONS_BLEU])
{
    struct bleu sums = {0};
    double product = 1;
    for (size_t i = 0; i < c->count; i++) {
        const size_t length = c->caption[i].sentence.tokens;
        sums.length += (double)length;
        sums.reference_length += (double)closest_length(c, i);
        for (size_t n = 1; n <= CAPTIONS_BLEU; n++) {
            sums.guessed[n - 1] += length >= n ? (double)(length - n + 1) : 0;
            sums.correct[n - 1] += matches(c, i, n);
        }
    }
    const double ratio = (sums.length + BLEU_TINY) / (sums.reference_length + BLEU_SMALL);
    for (size_t n = 0; n < CAPTIONS_BLEU; n++) {
        product *= (sums.correct[n] + BLEU_TINY) / (sums.guessed[n] + BLEU_SMALL);
        bleu[n] = pow(product, 1.0 / (double)(n + 1)) * (ratio < 1 ? exp(1 - 1 / ratio) : 1);
    }
}

/* --- ROUGE-L */

/* Tokens of the longest common subsequence; row is [tokens of b + 1]. */
static uint32_t common(const struct sentence *a, const struct sentence *b, uint32_t *row)
{
    memset(row, 0, (b->tokens + 1) * sizeof *row);
    for (size_t i = 0; i < a->tokens; i++) {
        uint32_t left_above = 0; /* row[k] of the row before */
        for (size_t k = 0; k < b->tokens; k++) {
            const uint32_t above = row[k + 1];
            if (a->token[i] == b->token[k])
                row[k + 1] = left_above + 1;
            else if (row[k] > above)
                row[k + 1] = row[k];
            left_above = above;
        }
    }
    return row[b->tokens];
}

/* F = (1 + beta^2) P R / (R + beta^2 P). A text without tokens counts as one that is empty. */
static double rouge(const struct corpus *c, size_t i, uint32_t *row)
{
    const struct sentence *s = &c->caption[i].sentence;
    const double length = s->tokens ? (double)s->tokens : 1, beta = ROUGE_BETA * ROUGE_BETA;
    double precision = 0, recall = 0;
    for (size_t k = c->first[i]; k < c->first[i + 1]; k++) {
        const struct sentence *r = &c->reference[k].sentence;
        const double same = !s->tokens && !r->tokens ? 1 : common(r, s, row);
        precision = fmax(precision, same / length);
        recall = fmax(recall, same / (r->tokens ? (double)r->tokens : 1));
    }
    return precision > 0 ? (1 + beta) * precision * recall / (recall + beta * precision) : 0;
}

static int measure_rouge(const struct corpus *c, double *mean, struct error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->caption[i].sentence.tokens > most)
            most = c->caption[i].sentence.tokens;
    uint32_t *row = malloc((most + 1) * sizeof *row);
    if (!row)
        return out_of_memory(err);
    *mean = 0;
    for (size_t i = 0; i < c->count; i++)
        *mean += rouge(c, i, row) / (double)c->count;
    free(row);
    return 0;
}

/* --- CIDEr-D */

/* The weight of an n-gram: log N - log max(1, samples with it among their references). */
static int weigh(struct corpus *c, struct error *err)
{
    const size_t nodes = grams_nodes(&c->grams);
    size_t *seen = calloc(nodes, sizeof *seen); /* the latest sample with it + 1 */
    c->weight = calloc(nodes, sizeof *c->weight);
    if (!c->weight || !seen) {
        free(seen);
        return out_of_memory(err);
    }
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = c->first[i]; k < c->first[i + 1]; k++) {
            const struct sentence *s = &c->reference[k].sentence;
            for (size_t g = 0; g < s->begin[GRAMS_MOST]; g++) {
                c->weight[s->gram[g].node] += seen[s->gram[g].node] != i + 1;
                seen[s->gram[g].node] = i + 1;
            }
        }
    for (size_t node = 0; node < nodes; node++)
        c->weight[node] = log((double)c->count) - log(fmax(1, c->weight[node]));
    free(seen);
    return 0;
}

/* The length of the vector of a sentence's n-grams. */
static double norm(const struct corpus *c, const struct sentence *s, size_t n)
{
    double sum = 0;
    for (size_t g = s->begin[n - 1]; g < s->begin[n]; g++) {
        const double x = s->gram[g].count * c->weight[s->gram[g].node];
        sum += x * x;
    }
    return sqrt(sum);
}

/* The cosine of their n-grams' vectors, where no n-gram of the caption counts for more than it does
 * in the reference. */
static double cosine(const struct corpus *c, const struct sentence *s, const struct sentence *r,
                     size_t n)
{
    const double lengths = norm(c, s, n) * norm(c, r, n);
    double sum = 0;
    for (size_t g = s->begin[n - 1]; g < s->begin[n]; g++) {
        const double weight = c->weight[s->gram[g].node];
        const double x = s->gram[g].count * weight;
        const double y = sentence_count(r, n, s->gram[g].node) * weight;
        sum += fmin(x, y) * y;
    }
    return lengths > 0 ? sum / lengths : 0;
}

/* Pairs of neighbours, which pycocoevalcap takes for the length. */
static double pairs(const struct sentence *s)
{
    return s->tokens ? (double)(s->tokens - 1) : 0;
}

static double cider(const struct corpus *c, size_t i)
{
    const struct sentence *s = &c->caption[i].sentence;
    double sum = 0;
    for (size_t k = c->first[i]; k < c->first[i + 1]; k++) {
        const struct sentence *r = &c->reference[k].sentence;
        const double delta = pairs(s) - pairs(r);
        const double share = exp(-delta * delta / (2 * CIDER_SIGMA * CIDER_SIGMA));
        for (size_t n = 1; n <= GRAMS_MOST; n++)
            sum += share * cosine(c, s, r, n);
    }
    return CIDER_SCALE * sum / GRAMS_MOST / (double)(c->first[i + 1] - c->first[i]);
}

static int measure_cider(struct corpus *c, double *mean, struct error *err)
{
    if (weigh(c, err))
        return -1;
    *mean = 0;
    for (size_t i = 0; i < c->count; i++)
        *mean += cider(c, i) / (double)c->count;
    return 0;
}

/* --- how many are right, how many are different */

static void measure_exact(const struct corpus *c, struct caption_measures *to, unsigned char *exact)
{
    size_t same = 0, literal = 0;
    for (size_t i = 0; i < c->count; i++) {
        int is_same = 0, is_literal = 0;
        for (size_t k = c->first[i]; k < c->first[i + 1]; k++) {
            is_same |= !strcmp(c->caption[i].text, c->reference[k].text);
            is_literal |= !strcmp(c->generated[i], c->references[i][k - c->first[i]]);
        }
        same += (size_t)is_same;
        literal += (size_t)is_literal;
        if (exact)
            exact[i] = (unsigned char)is_same;
    }
    to->exact = (double)same / (double)c->count;
    to->literal = (double)literal / (double)c->count;
}

struct place {
    const char *text;
    size_t sample;
};

static int by_text(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const int order = strcmp(x->text, y->text);
    return order ? order : (x->sample > y->sample) - (x->sample < y->sample);
}

/* How many of them are different; the first sample with the text that most have, which of two is
 * that which comes first. */
static size_t different(struct place *place, size_t count, size_t *first, size_t *most)
{
    size_t groups = 0;
    *first = *most = 0;
    qsort(place, count, sizeof *place, by_text);
    for (size_t i = 0, end; i < count; i = end, groups++) {
        for (end = i; end < count && !strcmp(place[end].text, place[i].text); end++)
            ;
        if (end - i > *most || (end - i == *most && place[i].sample < *first)) {
            *most = end - i;
            *first = place[i].sample;
        }
    }
    return groups;
}

static int measure_distinct(const struct corpus *c, struct caption_measures *to, struct error *err)
{
    struct place *place = malloc((c->count + 1) * sizeof *place);
    size_t first, most;
    if (!place)
        return out_of_memory(err);
    for (size_t i = 0; i < c->count; i++)
        place[i] = (struct place){c->reference[c->first[i]].text, i};
    to->distinct_references = (double)different(place, c->count, &first, &most) / (double)c->count;
    for (size_t i = 0; i < c->count; i++)
        place[i] = (struct place){c->caption[i].text, i};
    to->distinct =
        (double)different(place, c->count, &to->frequent, &to->frequent_count) / (double)c->count;
    free(place);
    return 0;
}

/* Different n-grams / n-grams of all captions. */
static int different_grams(const struct corpus *c, size_t n, double *share, struct error *err)
{
    unsigned char *seen = calloc(grams_nodes(&c->grams), 1);
    size_t all = 0, different = 0;
    if (!seen)
        return out_of_memory(err);
    for (size_t i = 0; i < c->count; i++) {
        const struct sentence *s = &c->caption[i].sentence;
        for (size_t g = s->begin[n - 1]; g < s->begin[n]; g++) {
            all += s->gram[g].count;
            different += !seen[s->gram[g].node];
            seen[s->gram[g].node] = 1;
        }
    }
    free(seen);
    *share = all ? (double)different / (double)all : NAN;
    return 0;
}

static int measure(struct corpus *c, struct caption_measures *to, unsigned char *exact,
                   struct error *err)
{
    measure_bleu(c, to->bleu);
    measure_exact(c, to, exact);
    return measure_rouge(c, &to->rouge_l, err) || measure_cider(c, &to->cider, err) ||
                   measure_distinct(c, to, err) || different_grams(c, 1, &to->distinct_1, err) ||
                   different_grams(c, 2, &to->distinct_2, err)
               ? -1
               : 0;
}

int captions_measure(struct caption_measures *to, const char *const *generated,
                     const char *const *const *references, size_t count, enum caption_tokens rule,
                     unsigned char *exact, struct error *err)
{
    struct corpus c = {.count = count, .generated = generated, .references = references};
    *to = (struct caption_measures){.count = count,
                                    .bleu = {NAN, NAN, NAN, NAN},
                                    .rouge_l = NAN,
                                    .cider = NAN,
                                    .exact = NAN,
                                    .literal = NAN,
                                    .distinct = NAN,
                                    .distinct_references = NAN,
                                    .distinct_1 = NAN,
                                    .distinct_2 = NAN};
    const int failed =
        count && (corpus_init(&c, rule, err) || measure(&c, to, exact, err)) ? -1 : 0;
    corpus_fini(&c);
    return failed;
}
