/* SPDX-License-Identifier: MIT */
/*
 * seqtrain compare: several runs beside each other, by their folders.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "report/compare.h"
#include "util/file.h"

/* The picture is none of the files that a run has, or none that is there. */
static int check_name(const char *output, struct error *err)
{
    const char *ending = output ? strrchr(output, '.') : NULL;
    return !output || (ending && !strcmp(ending, ".png"))
               ? 0
               : error_set(err, STATUS_USAGE, "-o %s: the name of a picture ends in .png", output);
}

static int compare(const struct record *run, const struct options *o, struct error *err)
{
    if (compare_print(run, o->file_count, stdout, err) ||
        file_flush(stdout, "standard output", err))
        return -1;
    if (!o->output)
        return 0;
    return compare_draw(run, o->file_count, o->output, err);
}

int command_compare(const struct options *options, struct error *err)
{
    const size_t count = options->file_count;
    if (count < 2 || count > COMPARE_MOST)
        return error_set(err, STATUS_USAGE,
                         "compare takes the folders of 2 to %d runs: seqtrain compare RUN RUN ... "
                         "[-o FILE.png]",
                         COMPARE_MOST);
    if (check_name(options->output, err))
        return -1;
    struct record *run = calloc(count, sizeof *run);
    int result = run ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < count && !result; i++)
        result = record_read(&run[i], options->files[i], err);
    if (!result)
        result = compare(run, options, err);
    for (size_t i = 0; run && i < count; i++)
        record_fini(&run[i]);
    free(run);
    return result;
}
