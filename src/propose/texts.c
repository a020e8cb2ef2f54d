/* SPDX-License-Identifier: MIT */
/* A language model of texts. */
#include <stdlib.h>
#include <string.h>

#include "data/document.h"
#include "propose/kinds.h"
#include "text/tokenizer.h"

#define MOST_CHARACTERS 512 /* that get a number each */

int texts_fits(const struct proposing *p)
{
    if (p->is_table)
        return column_of_role(&p->column, ROLE_TEXT) && !column_of_role(&p->column, ROLE_FILE);
    return p->is_folder || document_is_named(p->data, DOCUMENTS_OF_TEXTS);
}

/* The texts by a tokenizer: how many tokens there are, and how many different ones it knows. */
static int count_tokens(struct proposing *p, const char *tokenizer, size_t *tokens, size_t *known,
                        struct error *err)
{
    draft_set(p->draft, "data.tokenizer", "%s", tokenizer);
    struct dataset *data = draft_load(p->draft, p->silent, err);
    if (!data)
        return -1;
    *tokens = data->rows;
    *known = tokenizer_count(data->tokenizer);
    dataset_free(data);
    return 0;
}

static int draft_tokenizer(struct proposing *p, size_t *tokens, struct error *err)
{
    size_t known;
    if (draft_asked(p->draft, "data.tokenizer"))
        return count_tokens(p, "bytes", tokens, &known, err);
    if (count_tokens(p, "characters", tokens, &known, err))
        return -1;
    if (known <= MOST_CHARACTERS) {
        draft_why(p->draft, "data.tokenizer",
                  "The texts hold %zu different characters. Pieces of words learn more from large "
                  "texts: seqtrain tokenize --train makes such a tokenizer.",
                  known);
        return 0;
    }
    draft_why(p->draft, "data.tokenizer",
              "The texts hold %zu different characters; there are 256 bytes. Pieces of words learn "
              "more from large texts: seqtrain tokenize --train makes such a tokenizer.",
              known);
    return count_tokens(p, "bytes", tokens, &known, err);
}

/* A model as large as its texts carry, some ten tokens a parameter at most. */
static void draft_model(struct proposing *p, size_t tokens)
{
    static const struct {
        size_t tokens;
        int width, layers, window;
        const char *dropout;
    } usual[] = {
        {300000, 64, 2, 64, "0.1"},
        {3000000, 128, 4, 128, "0.1"},
        {50000000, 256, 6, 256, "0"},
        {SIZE_MAX, 512, 8, 512, "0"},
    };
    size_t i = 0;
    while (usual[i].tokens < tokens)
        i++;
    size_t window = (size_t)usual[i].window;
    while (window > 8 && window * 40 > tokens)
        window /= 2;
    draft_set(p->draft, "data.window", "%zu", window);
    draft_why(p->draft, "data.window", "Tokens that the model sees, for texts of %zu.", tokens);
    draft_set(p->draft, "data.sampling", "random");
    draft_why(p->draft, "data.sampling", "Windows begin anywhere.");
    draft_set(p->draft, "model.d_model", "%d", usual[i].width);
    draft_why(p->draft, "model.d_model", "%zu tokens carry a model of this size.", tokens);
    draft_set(p->draft, "model.heads", "%d", usual[i].width / 32);
    draft_set(p->draft, "model.layers", "%d", usual[i].layers);
    draft_set(p->draft, "model.dropout", "%s", usual[i].dropout);
}

static void draft_train(struct proposing *p, size_t tokens)
{
    const size_t steps = tokens < 300000 ? 1000 : tokens < 3000000 ? 3000 : 20000;
    draft_set(p->draft, "train.steps", "%zu", steps);
    draft_set(p->draft, "train.evaluate", "%zu steps", steps / 10);
    draft_set(p->draft, "train.effective_batch", "32");
    draft_why(p->draft, "train.effective_batch",
              "The device's memory decides how many of them are computed at a time.");
    draft_set(p->draft, "train.batch", "auto");
    draft_set(p->draft, "train.accumulate", "auto");
    draft_set(p->draft, "train.lr", "1e-3");
    draft_set(p->draft, "train.lr_min", "1e-4");
    draft_set(p->draft, "train.warmup", "5%%");
    draft_set(p->draft, "train.weight_decay", "0.1");
}

int texts_propose(struct proposing *p, struct error *err)
{
    size_t tokens, windows;
    const char *column = p->is_table ? column_of_role(&p->column, ROLE_TEXT) : NULL;
    draft_about(p->draft,
                "A language model, proposed by seqtrain init. Train: seqtrain -c %s; "
                "then: seqtrain generate -c %s -p TEXT.",
                p->path, p->path);
    draft_set_path(p->draft, "data.source", p->data);
    if (column)
        draft_set(p->draft, "data.column", "%s", column);
    draft_set(p->draft, "data.validation", "0.1");
    draft_set(p->draft, "data.test", "0.05");
    draft_set(p->draft, "data.window", "8");
    draft_set(p->draft, "model.type", "language");
    if (draft_tokenizer(p, &tokens, err))
        return -1;
    draft_model(p, tokens);
    draft_train(p, tokens);
    return recording_try(p, p->log, &windows, err);
}
