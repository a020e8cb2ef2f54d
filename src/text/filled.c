/* SPDX-License-Identifier: MIT */
#include "text/filled.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/field.h"
#include "text/textbuf.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "util/file.h"
#include "util/jsonmem.h"

#define CONFIG_MOST                                                              \
    ((size_t)1 << 26) /* bytes of a tokenizer_config.json: it lists added tokens \
                       */

struct filled {
    struct tokenizer *tokenizer;
    char *path; /* of tokenizer.json */
    size_t tokens, vocabulary;
    uint32_t pad;
    int at_left;
};

/* What tokenizer_config.json says. */
struct said {
    const char *pad; /* a token's text; NULL: nothing is said */
    int at_left, lowers;
};

/* --- tokenizer_config.json */

/* The object of a file; *json NULL where there is no such file. */
static int read_object(const char *path, json_t **json, struct error *err)
{
    size_t size;
    json_error_t why;
    *json = NULL;
    if (access(path, F_OK) && errno == ENOENT)
        return 0;
    char *text = file_read(path, CONFIG_MOST, &size, err);
    if (!text)
        return -1;
    /* 'model_max_length' is beyond any whole number where there is no limit */
    *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    free(text);
    if (!*json && jsonmem_short())
        return text_short(err);
    if (json_is_object(*json))
        return 0;
    error_set(err, STATUS_INPUT, "%s: this is no object of JSON", path);
    return error_cause(err, CAUSE_UNFIT);
}

/* A text, also one that is the "content" of an object; NULL where there is none. */
static const char *text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

static int is_class(const json_t *object, const char *name)
{
    const char *class = text_of(object, "tokenizer_class");
    const size_t size = strlen(name);
    return class && !strncmp(class, name, size) && (!class[size] || !strcmp(class + size, "Fast"));
}

/* Where transformers' class of a tokenizer has another default, this is it. */
static int read_said(const struct part *part, const json_t *json, struct said *to,
                     struct error *err)
{
    const int siglip = is_class(json, "Siglip2Tokenizer");
    const char *side = text_of(json, "padding_side");
    to->pad = text_of(json, "pad_token");
    to->at_left = side ? !strcmp(side, "left") : siglip || is_class(json, "GemmaTokenizer");
    if (side && !to->at_left && strcmp(side, "right") != 0)
        return field_fault(part, err, "'padding_side' is neither left nor right");
    if (field_flag(part, json, "do_lower_case", 0, &to->lowers, err))
        return -1;
    to->lowers |= siglip;
    return 0;
}

/* --- opening */

/* The number that fills texts up: the tokenizer's, else the tower's. */
static int find_pad(struct filled *f, const struct filled_how *how, const char *name,
                    struct error *err)
{
    const int64_t own = name ? tokenizer_number(f->tokenizer, name) : -1;
    const int64_t pad = own >= 0 ? own : how->pad;
    if (pad < 0)
        return error_set(err, STATUS_INPUT,
                         "%s: there is no token for padding: tokenizer_config.json in its folder "
                         "has no 'pad_token'",
                         f->path);
    if ((uint64_t)pad >= how->vocabulary)
        return error_set(err, STATUS_INPUT,
                         "%s: token %lld fills texts up, and the tower knows %zu tokens", f->path,
                         (long long)pad, how->vocabulary);
    f->pad = (uint32_t)pad;
    return 0;
}

static int open_with(struct filled *f, const struct filled_how *how, const char *config,
                     struct error *err)
{
    struct said said = {NULL, 0, 0};
    json_t *json;
    int failed = read_object(config, &json, err);
    if (!failed && json)
        failed = read_said(&(struct part){config, "tokenizer"}, json, &said, err) &&
                 error_cause(err, CAUSE_UNFIT);
    if (!failed)
        failed =
            !(f->tokenizer = (said.lowers ? tokenizer_load_lower : tokenizer_load)(f->path, err));
    if (!failed)
        failed = find_pad(f, how, said.pad, err) && error_cause(err, CAUSE_UNFIT);
    f->at_left = said.at_left;
    json_decref(json);
    return failed;
}

struct filled *filled_open(const struct filled_how *how, struct error *err)
{
    struct filled *f = calloc(1, sizeof *f);
    char *config = file_join(how->folder, "tokenizer_config.json");
    int failed = !f || !config || !(f->path = file_join(how->folder, "tokenizer.json"));
    if (failed) {
        text_short(err);
    } else {
        f->tokens = how->tokens;
        f->vocabulary = how->vocabulary;
        failed = open_with(f, how, config, err);
    }
    free(config);
    if (!failed)
        return f;
    filled_free(f);
    return NULL;
}

void filled_free(struct filled *f)
{
    if (!f)
        return;
    tokenizer_free(f->tokenizer);
    free(f->path);
    free(f);
}

/* --- encoding */

/* A text as UTF-8, behind what is in `to`. */
static int put_whole(const char *text, struct textbuf *to, struct error *err)
{
    const size_t size = strlen(text);
    for (size_t i = 0, n; i < size; i += n) {
        n = utf8_whole(text + i, size - i);
        if (textbuf_add(to, text + i, n, err))
            return -1;
        if (i + n < size) {
            n += utf8_broken(text + i + n, size - i - n);
            if (textbuf_add_point(to, 0xfffd, err))
                return -1;
        }
    }
    return textbuf_add(to, "", 1, err);
}

/* Puts them at the end where they belong, and fills the rest. */
static int put_filled(const struct filled *f, const struct tokens *tokens, uint32_t *to,
                      struct error *err)
{
    const size_t first = f->at_left ? f->tokens - tokens->count : 0;
    for (size_t i = 0; i < f->tokens; i++)
        to[i] = f->pad;
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->number[i] >= f->vocabulary) {
            error_set(err, STATUS_INPUT, "%s: token %u is none of the tower's %zu", f->path,
                      tokens->number[i], f->vocabulary);
            return error_cause(err, CAUSE_UNFIT);
        }
        to[first + i] = tokens->number[i];
    }
    return 0;
}

int filled_encode(const struct filled *f, const char *text, uint32_t *to, struct error *err)
{
    struct textbuf whole = {0};
    struct tokens tokens = {0};
    const int failed = put_whole(text, &whole, err) ||
                       tokenizer_encode_within(f->tokenizer, whole.at, whole.size - 1, f->path,
                                               f->tokens, &tokens, err) ||
                       put_filled(f, &tokens, to, err);
    textbuf_fini(&whole);
    free(tokens.number);
    return failed ? -1 : 0;
}
