/* SPDX-License-Identifier: MIT */
#include "task/captioning.h"

#include <math.h>
#include <stdlib.h>

#include "data/captioned.h"
#include "task/sampling.h"
#include "text/tokenizer.h"

struct caption_writer {
    const struct dataset *data;
    struct generator *generator;
    struct sampler *sampler;
    float *clip;      /* [R, C] */
    uint32_t *tokens; /* [window] of a caption */
};

struct caption_writer *caption_writer_open(const struct dataset *data, struct generator *generator,
                                           size_t vocabulary, struct error *err)
{
    const struct sampling how = {.top_p = 1, .repetition = 1}; /* temperature 0 */
    struct caption_writer *w = calloc(1, sizeof *w);
    if (w) {
        w->data = data;
        w->generator = generator;
        w->clip = malloc((dataset_clip(data) + 1) * sizeof *w->clip);
        w->tokens = malloc((data->window + 1) * sizeof *w->tokens);
    }
    if (!w || !w->clip || !w->tokens) {
        error_set(err, STATUS_FAILED, "out of memory");
        caption_writer_close(w);
        return NULL;
    }
    if ((w->sampler = sampler_new(&how, vocabulary, err)))
        return w;
    caption_writer_close(w);
    return NULL;
}

void caption_writer_close(struct caption_writer *w)
{
    if (!w)
        return;
    sampler_free(w->sampler);
    free(w->clip);
    free(w->tokens);
    free(w);
}

/* The tokens behind the prompt, without the one that ends them; -1 with an error. A model may have
 * more numbers than its tokenizer has tokens: it may go on behind one, which is nothing. */
static int write_tokens(struct caption_writer *w, size_t *count, struct error *err)
{
    const struct captioned *c = w->data->captioned;
    float *logits = generator_read(w->generator, c->prompt, c->prompts, err);
    sampler_begin(w->sampler, 0);
    *count = 0;
    for (size_t read = c->prompts; logits; read++) {
        const uint32_t token = sampler_pick(w->sampler, logits, (uint32_t)(read - c->prompts));
        if (!isfinite(logits[token]))
            return error_set(err, STATUS_FAILED,
                             "what the model says of the next token is not finite: its weights "
                             "are broken, or too large for their type");
        if (token == c->ending || read == w->data->window)
            return 0;
        if (tokenizer_has(w->data->tokenizer, token))
            w->tokens[(*count)++] = token;
        logits = generator_read(w->generator, &token, 1, err);
    }
    return -1;
}

char *caption_write(struct caption_writer *w, size_t clip, struct error *err)
{
    const struct captioned *c = w->data->captioned;
    size_t count, size;
    if (c->fetch(c->ctx, &clip, 1, w->clip, err) || generator_see(w->generator, w->clip, err) ||
        write_tokens(w, &count, err))
        return NULL;
    return tokenizer_decode(w->data->tokenizer, w->tokens, count, 0, &size, err);
}

size_t *caption_clips(const struct dataset *data, const uint32_t *start, size_t count, size_t most,
                      size_t *clips)
{
    const size_t all = data->captioned->captions.clips;
    size_t *to = malloc((all + 1) * sizeof *to), found = 0;
    unsigned char *seen = calloc(all + 1, 1);
    for (size_t i = 0; to && seen && i < count; i++) {
        const size_t clip = captioned_clip(data, start[i]);
        if (!seen[clip])
            to[found++] = clip;
        seen[clip] = 1;
    }
    *clips = most && most < found ? most : found;
    for (size_t i = 0; to && i < *clips; i++)
        to[i] = to[i * found / *clips];
    if (!seen) {
        free(to);
        to = NULL;
    }
    free(seen);
    return to;
}
