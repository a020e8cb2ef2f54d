/* SPDX-License-Identifier: MIT */
/*
 * seqtrain report: the folder of a run as one page of HTML.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "report/page.h"
#include "util/file.h"

/* The folder's page where -o names none: report.html in the folder. */
static char *page_path(const struct options *o)
{
    return o->output ? strdup(o->output) : file_join(o->files[0], "report.html");
}

static int write_page(const struct record *record, const struct options *options, const char *path,
                      struct error *err)
{
    struct output out;
    struct options with = *options;
    with.output = path;
    with.file_count = 0;
    if (output_open(&out, &with, NULL, NULL, err))
        return -1;
    int result = page_write(record, out.stream, err);
    if (!result)
        result = output_flush(&out, err);
    return output_close(&out, result, err);
}

/* The page is none of the files that a run has. */
static int check_name(const char *output, struct error *err)
{
    const char *ending = output ? strrchr(output, '.') : NULL;
    return !output || (ending && (!strcmp(ending, ".html") || !strcmp(ending, ".htm")))
               ? 0
               : error_set(err, STATUS_USAGE, "-o %s: the name of a page ends in .html", output);
}

int command_report(const struct options *options, struct error *err)
{
    struct record record;
    if (options->file_count != 1)
        return error_set(err, STATUS_USAGE,
                         "report takes the folder of one run: seqtrain report "
                         "RUN [-o FILE.html]");
    if (check_name(options->output, err))
        return -1;
    char *path = page_path(options);
    int result = path ? record_read(&record, options->files[0], err)
                      : error_set(err, STATUS_FAILED, "out of memory");
    if (path && !result)
        result = write_page(&record, options, path, err);
    if (path)
        record_fini(&record);
    if (!result && options->verbosity != LOG_QUIET)
        printf("%s: the report of %s\n", path, options->files[0]);
    free(path);
    return result;
}
