/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "commands/commands.h"
#include "run/merge.h"

int command_merge(const struct options *options, struct error *err)
{
    size_t layers;
    if (!options->output)
        return error_set(err, STATUS_USAGE, "merge needs -o FILE");
    char *path = command_model_path(options, err);
    int result = path ? merge(path, options->output, &layers, err) : -1;
    if (!result && options->verbosity != LOG_QUIET)
        printf("%s: the adapters of %zu layers are folded in\n", options->output, layers);
    free(path);
    return result;
}
