/* SPDX-License-Identifier: MIT */
/* Captions of images, clips or files of series. */
#include <string.h>

#include "data/document.h"
#include "propose/kinds.h"

/* Of JSON lines the first is looked at when the captions are read. */
int clips_fits(const struct proposing *p)
{
    return p->is_table && column_of_role(&p->column, ROLE_FILE) &&
           column_of_role(&p->column, ROLE_CAPTION);
}

static void draft_columns(struct proposing *p)
{
    const char *file = column_of_role(&p->column, ROLE_FILE);
    const char *caption = column_of_role(&p->column, ROLE_CAPTION);
    if (file && strcmp(file, "file"))
        draft_set(p->draft, "data.file_column", "%s", file);
    if (caption && strcmp(caption, "caption"))
        draft_set(p->draft, "data.column", "%s", caption);
}

/* Loads the captions; where the tokenizer puts no token in front of a text, a prompt stands there.
 */
static int try_prompt(struct proposing *p, size_t *windows, struct error *err)
{
    if (!recording_try(p, p->silent, windows, err))
        return 0;
    if (!strstr(err->text, "[data] prompt") || draft_asked(p->draft, "data.prompt"))
        return -1;
    draft_set(p->draft, "data.prompt", "\"Caption:\"");
    draft_why(p->draft, "data.prompt",
              "The tokenizer puts no token in front of a text: a prompt begins it.");
    return recording_try(p, p->silent, windows, err);
}

int clips_propose(struct proposing *p, struct error *err)
{
    size_t windows;
    if (!draft_asked(p->draft, "encoder.base") || !draft_asked(p->draft, "model.base"))
        return error_set(
            err, STATUS_USAGE,
            "captions need an encoder and a decoder: -s encoder.base=FOLDER (a SigLIP, a ViT or a "
            "run of seqtrain) and -s model.base=FOLDER (a Llama, a Qwen3 or a GPT-2)");
    draft_about(p->draft,
                "Captions of clips by a frozen encoder and a frozen decoder, proposed by seqtrain "
                "init. Train: seqtrain -c %s; then: seqtrain predict -c %s -i CLIP.",
                p->path, p->path);
    draft_set_path(p->draft, "data.source", p->data);
    draft_columns(p);
    draft_set(p->draft, "data.window", "48");
    draft_why(p->draft, "data.window", "Tokens of the prompt and of a caption.");
    draft_set(p->draft, "data.validation", "0.1");
    draft_set(p->draft, "data.test", "0.1");
    draft_set(p->draft, "model.type", "captioner");
    draft_set(p->draft, "model.projector", "mlp");
    draft_set(p->draft, "adapter.r", "16");
    draft_why(p->draft, "adapter.r", "The decoder stays as it is; an adapter learns beside it.");
    draft_set(p->draft, "adapter.alpha", "16");
    draft_set(p->draft, "adapter.dropout", "0.05");
    draft_set(p->draft, "train.lr", "1e-3");
    draft_set(p->draft, "train.warmup", "5%%");
    draft_set(p->draft, "caption.samples", "64");
    if (try_prompt(p, &windows, err))
        return -1;
    recording_train(p, windows, 1000);
    return recording_try(p, p->log, &windows, err);
}
