/* SPDX-License-Identifier: MIT */
/*
 * seqtrain generate: goes on with texts. Each is -p's, or a line of -i's file. What follows is
 * written as it comes, in whole characters.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "run/prepare.h"
#include "run/trained.h"
#include "task/generator.h"
#include "task/sampling.h"
#include "text/textbuf.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "util/now.h"

struct generating {
    struct log *log;
    char *path;
    struct checkpoint checkpoint;
    const struct tokenizer *tokenizer;
    struct generator *generator;
    struct sampler *sampler;
    struct output out;
    size_t most; /* tokens behind a text */
    const char *stop;
    struct textbuf pending; /* bytes that are not written yet */
    struct tokens prompt;
    uint32_t text; /* its number */
    size_t written;
};

/* --- numbers of options */

static int read_number(const char *option, const char *text, double least, double most, double *to,
                       struct error *err)
{
    char *end;
    if (!text)
        return 0;
    errno = 0;
    const double x = strtod(text, &end);
    if (end == text || *end || errno == ERANGE || !(x >= least && x <= most))
        return error_set(err, STATUS_USAGE, "--%s = '%s' is no number from %g to %g", option, text,
                         least, most);
    *to = x;
    return 0;
}

static int read_whole(const char *option, const char *text, size_t least, size_t *to,
                      struct error *err)
{
    char *end;
    if (!text)
        return 0;
    errno = 0;
    const unsigned long long x = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno == ERANGE || x < least || x > INT64_MAX)
        return error_set(err, STATUS_USAGE, "--%s = '%s' is no whole number from %zu on", option,
                         text, least);
    *to = (size_t)x;
    return 0;
}

static int read_options(struct generating *g, const struct options *o, struct sampling *how,
                        struct error *err)
{
    size_t seed = 1;
    *how = (struct sampling){.temperature = 1, .top_p = 1, .repetition = 1};
    g->most = 256;
    g->stop = o->stop;
    if (!o->prompt == !o->input)
        return error_set(err, STATUS_USAGE, "generate needs one of -p TEXT and -i FILE");
    if (g->stop && !*g->stop)
        return error_set(err, STATUS_USAGE, "--stop is empty, and would end every text at once");
    if (read_whole("tokens", o->tokens, 1, &g->most, err) ||
        read_number("temperature", o->temperature, 0, 1e6, &how->temperature, err) ||
        read_whole("top-k", o->top_k, 0, &how->top_k, err) ||
        read_number("top-p", o->top_p, 1e-6, 1, &how->top_p, err) ||
        read_number("repetition", o->repetition, 1e-3, 1e3, &how->repetition, err) ||
        read_whole("seed", o->seed, 0, &seed, err))
        return -1;
    how->seed = seed;
    return 0;
}

/* --- what is written */

static int write_bytes(struct generating *g, const char *bytes, size_t size, struct error *err)
{
    if (fwrite(bytes, 1, size, g->out.stream) == size)
        return 0;
    return output_flush(&g->out, err)
               ? -1
               : error_set(err, STATUS_FAILED, "%s: cannot be written", g->out.name);
}

/* Writes whole characters of what is pending, as far as `most` bytes; what can be none is U+FFFD.
 * `ends`: no more comes. */
static int write_whole(struct generating *g, size_t most, int ends, struct error *err)
{
    struct textbuf *p = &g->pending;
    size_t at = 0, n;
    uint32_t point;
    int failed = 0;
    for (; !failed && at < most; at += n) {
        const char *text = p->at + at;
        const size_t left = p->size - at;
        if ((n = utf8_read(text, left, &point))) {
            if (at + n > most)
                break;
            failed = write_bytes(g, text, n, err);
            continue;
        }
        n = utf8_broken(text, left);
        if (n == left && left < UTF8_MOST && !ends)
            break; /* a character that begins here may go on */
        failed = write_bytes(g, "\xef\xbf\xbd", 3, err);
    }
    memmove(p->at, p->at + at, p->size - at);
    p->size -= at;
    return failed;
}

/* A token's text. 1: --stop's text has come. */
static int write_token(struct generating *g, uint32_t token, struct error *err)
{
    struct textbuf *p = &g->pending;
    size_t size, held = g->stop ? strlen(g->stop) - 1 : 0;
    const char *piece = tokenizer_piece(g->tokenizer, token, &size);
    if (textbuf_add(p, piece, size, err))
        return -1;
    const char *stop = g->stop && p->size ? memmem(p->at, p->size, g->stop, held + 1) : NULL;
    if (stop) {
        p->size = (size_t)(stop - p->at);
        return write_whole(g, p->size, 1, err) ? -1 : 1;
    }
    if (p->size > held && write_whole(g, p->size - held, 0, err))
        return -1;
    return output_flush(&g->out, err);
}

/* --- texts */

/* Goes on with the tokens of a text. */
static int go_on(struct generating *g, struct error *err)
{
    float *logits = generator_read(g->generator, g->prompt.number, g->prompt.count, err);
    int ended = logits ? 0 : -1;
    for (size_t i = 0; !ended && i < g->most; i++) {
        const uint32_t token = sampler_pick(g->sampler, logits, (uint32_t)i);
        if (!isfinite(logits[token]))
            return error_set(err, STATUS_FAILED,
                             "what the model says of the next token is not finite: its weights "
                             "are broken, or too large for their type");
        sampler_saw(g->sampler, token);
        g->written++;
        if (tokenizer_is_special(g->tokenizer, token))
            break;
        ended = write_token(g, token, err);
        if (!ended && i + 1 < g->most && !(logits = generator_read(g->generator, &token, 1, err)))
            ended = -1;
    }
    return ended < 0 || write_whole(g, g->pending.size, 1, err) || write_bytes(g, "\n", 1, err) ||
                   output_flush(&g->out, err)
               ? -1
               : 0;
}

static int one_text(struct generating *g, const char *text, size_t size, const char *name,
                    struct error *err)
{
    g->prompt.count = 0;
    g->pending.size = 0;
    if (tokenizer_encode_whole(g->tokenizer, text, size, name, &g->prompt, err))
        return -1;
    if (!g->prompt.count)
        return error_set(err, STATUS_INPUT, "%s: there is nothing to go on with: a text is empty",
                         name);
    generator_begin(g->generator);
    sampler_begin(g->sampler, g->text++);
    for (size_t i = 0; i < g->prompt.count; i++)
        sampler_saw(g->sampler, g->prompt.number[i]);
    return go_on(g, err);
}

/* The next line, without its end: 1, 0 at the end of the file, -1 without memory. */
static int read_line(FILE *file, struct textbuf *line, struct error *err)
{
    int c;
    line->size = 0;
    while ((c = getc(file)) != EOF && c != '\n') {
        const char byte = (char)c;
        if (textbuf_add(line, &byte, 1, err))
            return -1;
    }
    if (c == EOF && !line->size)
        return 0;
    if (line->size && line->at[line->size - 1] == '\r')
        line->size--;
    return 1;
}

/* Each line of a file is a text; "-" is standard input. Empty lines are left out. */
static int each_line(struct generating *g, const char *input, struct error *err)
{
    const int is_standard = !strcmp(input, "-");
    const char *name = is_standard ? "standard input" : input;
    FILE *file = is_standard ? stdin : fopen(input, "r");
    struct textbuf line = {0};
    char text[PATH_MAX + 32];
    int more = 1, failed = 0;
    size_t number = 0;
    if (!file)
        return error_set(err, STATUS_INPUT, "%s: %s", input, strerror(errno));
    while (!failed && (more = read_line(file, &line, err)) > 0) {
        snprintf(text, sizeof text, "%s, text %zu", name, ++number);
        failed = line.size ? one_text(g, line.at, line.size, text, err) : 0;
    }
    failed = failed || more < 0 ? -1 : 0;
    if (!failed && ferror(file))
        failed = error_set(err, STATUS_INPUT, "%s: %s", name, strerror(errno));
    if (!is_standard)
        fclose(file);
    textbuf_fini(&line);
    return failed;
}

/* --- the command */

static int generating_init(struct generating *g, const struct options *o, struct error *err)
{
    struct sampling how;
    if (read_options(g, o, &how, err))
        return -1;
    /* standard output is for texts, unless these go to a file */
    g->log = log_new(o->output && o->verbosity == LOG_VERBOSE ? LOG_VERBOSE : LOG_QUIET);
    if (!g->log)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!(g->path = command_model_path(o, err)) ||
        trained_read(&g->checkpoint, g->path, "-", o->settings, o->setting_count, err))
        return -1;
    const struct config *c = g->checkpoint.config;
    g->tokenizer = g->checkpoint.fitted.tokenizer;
    if (!g->tokenizer)
        return error_set(err, STATUS_USAGE,
                         "%s: a model of type %s generates no text: it reads series", g->path,
                         model_of(c)->name);
    if (model_prefix(c))
        return error_set(err, STATUS_USAGE,
                         "%s: a model of type %s writes captions of clips, and does not continue "
                         "texts: seqtrain predict -m %s -i CLIP writes captions",
                         g->path, model_of(c)->name, g->path);
    if (command_needs_device(o, c, err) || output_open(&g->out, o, g->path, c, err))
        return -1;
    prepare_tell_unchecked(o->verbosity, g->log, trained_summed(&g->checkpoint), g->path);
    const struct engine_options with = prepare_engine(g->log, 0, 0);
    const size_t made = tokenizer_count(g->tokenizer);
    const size_t vocabulary = c->model.vocabulary > 0 ? (size_t)c->model.vocabulary : made;
    if (vocabulary < made)
        return error_set(err, STATUS_INPUT, "%s: the model has %zu tokens, its tokenizer %zu",
                         g->path, vocabulary, made);
    g->generator = generator_open(c, vocabulary, &with.own, err);
    if (!g->generator)
        return -1;
    g->sampler = sampler_new(&how, vocabulary, err);
    if (!g->sampler ||
        trained_load_params(&g->checkpoint, g->path, generator_params(g->generator), err))
        return -1;
    log_detail(g->log, "context of %zu tokens, whose keys and values take %.1f MiB",
               generator_window(g->generator),
               (double)generator_cache_bytes(g->generator) / (1 << 20));
    return 0;
}

static int generating_fini(struct generating *g, int result, struct error *err)
{
    struct error late;
    result = output_close(&g->out, result, err);
    sampler_free(g->sampler);
    generator_close(g->generator);
    checkpoint_fini(&g->checkpoint);
    textbuf_fini(&g->pending);
    free(g->prompt.number);
    free(g->path);
    if (g->log)
        log_close(g->log, &late);
    return result;
}

int command_generate(const struct options *options, struct error *err)
{
    struct generating g = {0};
    int failed = generating_init(&g, options, err);
    const double begun = now();
    if (!failed)
        failed = options->input ? each_line(&g, options->input, err)
                                : one_text(&g, options->prompt, strlen(options->prompt), "-p", err);
    if (!failed) {
        const double seconds = now() - begun;
        log_detail(g.log, "%zu tokens in %.2f s, %.1f a second", g.written, seconds,
                   (double)g.written / seconds);
        device_save_programs(generator_device(g.generator));
    }
    return generating_fini(&g, failed, err);
}
