/* SPDX-License-Identifier: MIT */
#include "data/captioned.h"

#include <stdlib.h>

size_t captioned_clip(const struct dataset *data, size_t row)
{
    return data->captioned->captions.item[row / (data->window + 1)].clip;
}

int captioned_counts(const struct dataset *data, size_t row)
{
    return !data->captioned || !(data->token[row] & DATASET_BORDER);
}

void captioned_free(struct captioned *c)
{
    if (!c)
        return;
    caption_table_fini(&c->captions);
    free(c->prompt);
    free(c);
}
