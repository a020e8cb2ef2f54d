/* SPDX-License-Identifier: MIT */
#include "task/language.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/verdict.h"
#include "data/captioned.h"
#include "text/tokenizer.h"
#include "util/file.h"
#include "util/jsonnumber.h"

const struct language *language_of(const struct task_result *r)
{
    return r->class->predicts_text ? r->own : NULL;
}

/* Whether the token in a row of a text is predicted from the rows before it. */
static int is_predicted(const struct dataset *data, size_t row)
{
    return !(data->token[row] & DATASET_BORDER);
}

static uint32_t token_at(const struct dataset *data, size_t row)
{
    return data->token[row] & ~DATASET_BORDER;
}

/* Tokens that a window predicts. */
static size_t targets_of(const struct dataset *data, uint32_t start)
{
    size_t count = 0;
    for (size_t t = 1; t <= data->window; t++)
        count += (size_t)is_predicted(data, start + t);
    return count;
}

/* Characters that begin in a token. */
static size_t characters_in(const struct dataset *data, uint32_t token)
{
    size_t size, count = 0;
    const char *piece = tokenizer_piece(data->tokenizer, token, &size);
    for (size_t i = 0; i < size; i++)
        count += (piece[i] & 0xc0) != 0x80;
    return count;
}

/* How often each token stands in the training windows, whatever part of them overlaps. NULL without
 * memory. */
static size_t *count_tokens(const struct dataset *data, size_t *all)
{
    size_t *count = calloc(tokenizer_count(data->tokenizer) + 1, sizeof *count), done = 0;
    *all = 0;
    for (size_t i = 0; count && i < data->count[PART_TRAIN]; i++) {
        const size_t begin = data->start[PART_TRAIN][i], end = begin + data->window;
        for (size_t row = begin > done ? begin : done; row < end; row++)
            if (captioned_counts(data, row)) {
                count[token_at(data, row)]++;
                (*all)++;
            }
        done = end > done ? end : done;
    }
    return count;
}

/* Figures of windows with these losses. The frequencies are smoothed by one (Laplace), for tokens
 * that training does not have. */
static int measure(struct language *own, const struct dataset *data, const uint32_t *start,
                   const float *loss, size_t windows, struct error *err)
{
    size_t all, *count = count_tokens(data, &all);
    double sum = 0, plain = 0;
    if (!count)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < windows; i++) {
        sum += (double)loss[i] * (double)targets_of(data, start[i]);
        for (size_t row = start[i] + 1; row <= start[i] + data->window; row++) {
            const uint32_t token = token_at(data, row);
            if (!is_predicted(data, row))
                continue;
            own->tokens++;
            own->characters += characters_in(data, token);
            plain -=
                log(((double)count[token] + 1) / (double)(all + tokenizer_count(data->tokenizer)));
        }
    }
    free(count);
    own->cross_entropy = sum / (double)own->tokens;
    own->perplexity = exp(own->cross_entropy);
    own->bits_per_character = own->characters ? sum / log(2) / (double)own->characters : NAN;
    own->frequencies = data->count[PART_TRAIN] ? plain / (double)own->tokens : NAN;
    return 0;
}

struct telling {
    struct log *log;
    const struct engine *e;
    float *to;
    size_t count;
};

static int keep_batch(void *ctx, const struct outputs *batch, size_t first, size_t n)
{
    struct telling *t = ctx;
    for (size_t i = 0; i < n; i++)
        t->to[first + i] = batch->value[i];
    log_progress(t->log, "Evaluating", first + n, t->count);
    return device_stopped(t->e->dev);
}

/* The loss of each window; 1: interrupted. */
static int losses_of(struct engine *e, const uint32_t *start, size_t count, float *to,
                     struct evaluation *evaluation, struct log *log, struct error *err)
{
    struct telling telling = {log, e, to, count};
    float *value = malloc((engine_batch(e) + 1) * sizeof *value);
    struct outputs outputs = {.value = value, .each = keep_batch, .ctx = &telling};
    int ended = value ? engine_evaluate(e, start, count, &outputs, evaluation, err)
                      : error_set(err, STATUS_FAILED, "out of memory");
    log_progress(log, "", 0, 0);
    free(value);
    return ended;
}

int language_fill(struct task_result *r, struct language *own, const uint32_t *start,
                  struct log *log, struct error *err)
{
    float *loss = malloc((r->windows + 1) * sizeof *loss);
    int ended = loss ? losses_of(r->e, start, r->windows, loss, &r->evaluation, log, err)
                     : error_set(err, STATUS_FAILED, "out of memory");
    if (!ended)
        ended = measure(own, r->e->data, start, loss, r->windows, err);
    free(loss);
    return ended;
}

static int language_evaluate(struct task_result *r, const uint32_t *start, struct log *log,
                             struct error *err)
{
    struct language *own = r->own = calloc(1, sizeof *own);
    int ended = own ? language_fill(r, own, start, log, err)
                    : error_set(err, STATUS_FAILED, "out of memory");
    if (ended)
        free(own);
    return ended;
}

static void language_release(struct task_result *r)
{
    free(r->own);
}

json_t *language_json(const struct task_result *r)
{
    const struct language *own = r->own;
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "windows", (json_int_t)r->windows,
                     "tokens", (json_int_t)own->tokens, "characters", (json_int_t)own->characters,
                     "loss", jsonnumber(r->evaluation.loss), "cross_entropy",
                     jsonnumber(own->cross_entropy), "perplexity", jsonnumber(own->perplexity),
                     "bits_per_character", jsonnumber(own->bits_per_character), "token_frequencies",
                     jsonnumber(own->frequencies));
}

void language_tell(const struct task_result *r, const struct task_report_to *to, json_t *more)
{
    const struct language *own = r->own;
    const struct verdict g = verdict_generalisation(to->train, r->evaluation.loss);
    log_say(to->log,
            "Cross-entropy of %zu %s tokens: %.4f; perplexity %.4g, %.4f bits a character. From "
            "the frequencies of tokens in training alone it is %.4f.",
            own->tokens, to->part, own->cross_entropy, own->perplexity, own->bits_per_character,
            own->frequencies);
    if (strcmp(to->part, "training") != 0)
        log_say(to->log, "Generalisation: %s%s%s", g.band, *g.advice ? "; what helps: " : "",
                g.advice);
    json_t *event = language_json(r);
    json_object_set_new(event, "part", json_string(to->part));
    json_object_set_new(event, "generalisation", json_string(g.band));
    json_object_update(event, more);
    json_decref(more);
    task_set_said(event, to->log);
    log_event(to->log, "verdict", event);
}

static void tell_text(const struct task_result *r, const struct task_report_to *to)
{
    language_tell(r, to, NULL);
}

struct task_baseline language_baseline(const struct task_result *r)
{
    return (struct task_baseline){language_of(r)->frequencies, "token frequencies",
                                  "the tokens' frequencies alone"};
}

/* A row for each window: how well its text is predicted. */
static int language_predict(const struct task_prediction *p, struct error *err)
{
    const struct dataset *data = p->e->data;
    const size_t count = data->count[PART_TEST];
    const uint32_t *start = data->start[PART_TEST];
    struct evaluation ignored;
    float *loss = malloc((count + 1) * sizeof *loss);
    int ended = loss ? losses_of(p->e, start, count, loss, &ignored, p->log, err)
                     : error_set(err, STATUS_FAILED, "out of memory");
    if (!ended)
        fputs("window,first_token,tokens,cross_entropy,perplexity\n", p->out);
    for (size_t i = 0; !ended && i < count; i++)
        fprintf(p->out, "%zu,%zu,%zu,%.9g,%.9g\n", i, (size_t)start[i], targets_of(data, start[i]),
                (double)loss[i], exp((double)loss[i]));
    if (!ended && !(ended = file_flush(p->out, p->name, err)))
        device_save_programs(p->e->dev);
    free(loss);
    return ended ? -1 : 0;
}

const struct task_class task_language = {
    .predicts_text = 1,
    .evaluate = language_evaluate,
    .release = language_release,
    .json = language_json,
    .tell = tell_text,
    .baseline = language_baseline,
    .predict = language_predict,
};
