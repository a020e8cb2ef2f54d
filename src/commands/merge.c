/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "commands/commands.h"
#include "run/merge.h"

int command_merge(const struct options *options, struct error *err)
{
    struct merged m;
    if (!options->output)
        return error_set(err, STATUS_USAGE, "merge needs -o FILE");
    char *path = command_model_path(options, err);
    int result = path ? merge(path, options->output, &m, err) : -1;
    if (!result && options->verbosity != LOG_QUIET && m.packed)
        printf("%s: the adapters of %zu layers are folded in, %zu quantised matrices are numbers\n",
               options->output, m.layers, m.packed);
    else if (!result && options->verbosity != LOG_QUIET)
        printf("%s: the adapters of %zu layers are folded in\n", options->output, m.layers);
    free(path);
    return result;
}
