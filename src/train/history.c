/* SPDX-License-Identifier: MIT */
#include "train/history.h"

#include <stdio.h>

#define OFFSET(member) offsetof(struct epoch_figures, member)

static void add(struct history_columns *to, const char *part, const char *name, size_t offset)
{
    struct history_column *column = &to->column[to->count++];
    snprintf(column->name, sizeof column->name, "%s%s", part, name);
    column->offset = offset;
}

struct history_columns history_columns(const struct terms *terms)
{
    struct history_columns all = {.count = 0};
    add(&all, "", "epoch", OFFSET(epoch));
    add(&all, "train_", "loss", OFFSET(train.loss));
    for (size_t k = 0; k < terms->count; k++)
        add(&all, "train_", terms->term[k].name, OFFSET(train.term) + k * sizeof(double));
    add(&all, "val_", "loss", OFFSET(val.loss));
    for (size_t k = 0; k < terms->count; k++)
        add(&all, "val_", terms->term[k].name, OFFSET(val.term) + k * sizeof(double));
    add(&all, "", "lr", OFFSET(lr));
    add(&all, "", "grad_norm", OFFSET(grad_mean));
    add(&all, "", "grad_norm_max", OFFSET(grad_max));
    add(&all, "", "seconds", OFFSET(seconds));
    return all;
}

double *history_figure(struct epoch_figures *figures, const struct history_column *column)
{
    return (double *)(void *)((char *)figures + column->offset);
}
