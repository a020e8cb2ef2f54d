/* SPDX-License-Identifier: MIT */
/* A power amplifier as a sequence to sequence, from I and Q to I and Q: the data sets of OpenDPD.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "propose/kinds.h"
#include "util/file.h"

/* The file of a folder, compressed or not; the caller frees. NULL: it is not there. */
static char *file_in(const char *folder, const char *name)
{
    static const char *const ends[] = {"", ".gz"};
    struct stat st;
    for (size_t i = 0; i < 2; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s%s", folder, name, ends[i]) < 0)
            return NULL;
        if (!stat(path, &st))
            return path;
        free(path);
    }
    return NULL;
}

static int has_file(const char *folder, const char *name)
{
    char *path = file_in(folder, name);
    free(path);
    return path != NULL;
}

static int has_four(const struct column_kinds *k)
{
    return column_of_role(k, ROLE_I_IN) && column_of_role(k, ROLE_Q_IN) &&
           column_of_role(k, ROLE_I_OUT) && column_of_role(k, ROLE_Q_OUT);
}

int amplifier_fits(const struct proposing *p)
{
    return p->is_folder ? has_file(p->data, "train_input.csv") || has_file(p->data, "spec.json")
                        : p->is_table && has_four(&p->column);
}

/* A key whose file must be in the folder. */
static int need_file(struct proposing *p, const char *key, const char *name, struct error *err)
{
    char *path = file_in(p->data, name);
    if (!path)
        return error_set(err, STATUS_INPUT, "%s: no %s or %s.gz in this folder", p->data, name,
                         name);
    draft_set_path(p->draft, key, path);
    free(path);
    return 0;
}

/* Six files, as OpenDPD's split_csv names them. */
static int draft_six(struct proposing *p, struct error *err)
{
    static const char *const files[][2] = {
        {"data.source", "train_input.csv"},
        {"data.target_source", "train_output.csv"},
        {"data.validation_source", "val_input.csv"},
        {"data.validation_target_source", "val_output.csv"},
        {"data.test_source", "test_input.csv"},
        {"data.test_target_source", "test_output.csv"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (need_file(p, files[i][0], files[i][1], err))
            return -1;
    draft_set(p->draft, "data.features", "I, Q");
    draft_set(p->draft, "data.targets", "I, Q");
    return 0;
}

static void draft_pair(struct proposing *p, const char *key, const char *i, const char *q)
{
    char *a = column_expression(i), *b = column_expression(q);
    if (a && b)
        draft_set(p->draft, key, "%s, %s", a, b);
    else
        draft_short(p->draft);
    free(a);
    free(b);
}

/* One file with four columns. */
static int draft_one(struct proposing *p, const char *path, int has_spec, struct error *err)
{
    const struct column_kinds *k = &p->column;
    draft_set_path(p->draft, "data.source", path);
    if (k->columns && !has_four(k))
        return error_set(err, STATUS_INPUT,
                         "%s: an amplifier's file has the columns I_in, Q_in, I_out and Q_out",
                         path);
    if (k->columns) {
        draft_pair(p, "data.features", column_of_role(k, ROLE_I_IN), column_of_role(k, ROLE_Q_IN));
        draft_pair(p, "data.targets", column_of_role(k, ROLE_I_OUT), column_of_role(k, ROLE_Q_OUT));
    } else {
        draft_set(p->draft, "data.features", "I_in, Q_in");
        draft_set(p->draft, "data.targets", "I_out, Q_out");
    }
    if (has_spec) {
        draft_set(p->draft, "data.split", "spec");
        draft_why(p->draft, "data.split", "The parts are those that spec.json tells.");
    } else {
        draft_set(p->draft, "data.validation", "0.2");
        draft_set(p->draft, "data.test", "0.2");
    }
    return 0;
}

static int draft_files(struct proposing *p, struct error *err)
{
    char *spec = p->is_folder ? file_in(p->data, "spec.json") : NULL;
    char *one = p->is_folder ? file_in(p->data, "data.csv") : NULL;
    int failed;
    if (p->is_folder && !one)
        failed = draft_six(p, err);
    else
        failed = draft_one(p, one ? one : p->data, spec != NULL, err);
    if (spec)
        draft_set_path(p->draft, "signal.spec", spec);
    else
        draft_about(p->draft, "NMSE needs nothing more. ACLR and EVM need what the signal is: "
                              "[signal] sample_rate, bandwidth and segment.");
    free(spec);
    free(one);
    return failed;
}

static void draft_model(struct proposing *p)
{
    draft_set(p->draft, "data.target_rows", "window");
    draft_why(p->draft, "data.target_rows", "A target for each row: the output beside the input.");
    draft_set(p->draft, "data.window", "200");
    draft_why(
        p->draft, "data.window",
        "An amplifier's memory is some tens of samples; the state begins at 0 in each window.");
    draft_set(p->draft, "data.stride", "2");
    draft_set(p->draft, "data.eval_window", "4096");
    draft_why(p->draft, "data.eval_window", "Evaluation runs over longer stretches than training.");
    draft_set(p->draft, "data.scaler", "none");
    draft_why(p->draft, "data.scaler", "NMSE is about the signal as it is.");
    draft_set(p->draft, "model.type", "dgru");
    draft_why(p->draft, "model.type", "A GRU that also sees |x|, |x|^3 and the phase.");
    draft_set(p->draft, "model.hidden", "23");
    draft_set(p->draft, "model.dropout", "0");
    draft_set(p->draft, "train.lr", "5e-3");
    draft_set(p->draft, "train.clip_norm", "200");
    draft_set(p->draft, "train.warmup", "0 steps");
    draft_set(p->draft, "train.schedule", "plateau");
    draft_set(p->draft, "train.plateau_patience", "5");
    draft_set(p->draft, "train.lr_min", "5e-5");
}

int amplifier_propose(struct proposing *p, struct error *err)
{
    size_t windows = 0;
    draft_about(p->draft,
                "A power amplifier from I and Q to I and Q, proposed by seqtrain init. "
                "Look at the signal: seqtrain data -c %s; train: seqtrain -c %s.",
                p->path, p->path);
    if (!p->is_folder && !p->is_table)
        return error_set(err, STATUS_INPUT,
                         "%s: an amplifier's data are a folder of OpenDPD's, or a file with the "
                         "columns I_in, Q_in, I_out and Q_out",
                         p->data);
    if (draft_files(p, err))
        return -1;
    draft_model(p);
    if (recording_try(p, p->silent, &windows, err))
        return -1;
    recording_train(p, windows, 12000);
    draft_set(p->draft, "train.patience", "0");
    draft_why(p->draft, "train.patience",
              "The learning rate falls where the error does not, down to lr_min.");
    return recording_try(p, p->log, &windows, err);
}
