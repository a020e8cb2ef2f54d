/* SPDX-License-Identifier: MIT */
#include "propose/propose.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/source.h"
#include "propose/kinds.h"
#include "util/file.h"

/* In the order in which data are held against them; a forecast is made of whatever has numbers. */
static const struct kind kinds[] = {
    {"captions", clips_fits, clips_propose},          {"language", texts_fits, texts_propose},
    {"amplifier", amplifier_fits, amplifier_propose}, {"forecast", forecast_fits, forecast_propose},
    {"autoencoder", patterns_fits, patterns_propose},
};
#define KINDS (sizeof kinds / sizeof *kinds)

const char *const propose_kinds[] = {"autoencoder", "forecast", "amplifier",
                                     "language",    "captions", NULL};

static const struct kind *kind_named(const char *name, struct error *err)
{
    for (size_t i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    error_set(err, STATUS_USAGE,
              "'%s' is no kind of model: autoencoder, forecast, amplifier, language or captions",
              name);
    return NULL;
}

static const struct kind *kind_of_data(const struct proposing *p, struct error *err)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].fits(p))
            return &kinds[i];
    if (p->why.status)
        *err = p->why;
    else
        error_set(
            err, STATUS_USAGE,
            "%s: what it is for cannot be seen; name it: seqtrain init autoencoder, forecast, "
            "amplifier, language or captions",
            p->data);
    return NULL;
}

/* --- the data */

/* The first file of columns that the path stands for; without one the path itself. */
static int find_first(struct proposing *p, struct error *err)
{
    struct sources sources;
    struct error none;
    p->is_folder = file_is_folder(p->data);
    const int is_named =
        p->is_folder || document_is_named(p->data, DOCUMENTS_OF_SERIES) || strpbrk(p->data, "*?[");
    p->is_table = is_named && !sources_of(p->data, DOCUMENTS_OF_SERIES, &sources, &none);
    p->first = strdup(p->is_table ? sources.item[0].path : p->data);
    if (p->is_table)
        sources_fini(&sources);
    return p->first ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

/* Whether a file that is not named as one of columns holds some, with numbers. */
static int holds_table(const struct proposing *p)
{
    return p->column.columns > 1 && column_of_kind(&p->column, COLUMN_NUMBERS);
}

/* Columns that would be numbers but for a few words are used by no proposal: whoever gave the file
 * may think that they are. */
static void tell_left(const struct proposing *p)
{
    for (size_t i = 0; i < p->column.columns; i++) {
        const struct column_seen *c = &p->column.column[i];
        if (c->kind == COLUMN_WORDS && c->word && c->numbers > c->words)
            log_warn(p->log,
                     "column '%s' is not used: line %zu has '%s', which is not a number; if this "
                     "means that there is no value, add it to data.missing_values",
                     c->name, c->line, c->word);
    }
}

/* What the columns are, if there are some. */
static int find_columns(struct proposing *p, struct error *err)
{
    struct config *config;
    if (p->is_folder && !p->is_table)
        return 0;
    draft_only_reads(p->draft, 1);
    draft_set_path(p->draft, "data.source", p->data);
    draft_set(p->draft, "model.type", "autoencoder");
    config = draft_config(p->draft, err);
    draft_only_reads(p->draft, 0);
    draft_drop(p->draft, "model.type");
    draft_drop(p->draft, "data.source");
    if (!config)
        return -1;
    const int failed = column_kinds_read(&p->column, p->first, config, &p->why);
    config_free(config);
    if (failed && (p->is_table || p->why.status != STATUS_INPUT)) {
        *err = p->why;
        return -1;
    }
    if (!failed && p->is_table && !p->column.rows)
        return error_set(err, STATUS_INPUT,
                         "%s: the file has a header and no row below it; init needs rows to see "
                         "what the columns hold: add them, or name another file by --data",
                         p->first);
    p->is_table |= !failed && holds_table(p);
    if (!failed && p->is_table && p->column.is_not_utf8)
        return error_set(err, STATUS_INPUT,
                         "%s: the names of its columns are not UTF-8; -s data.encoding=NAME names "
                         "their encoding (as cp949 or latin1)",
                         p->first);
    if (p->is_table)
        tell_left(p);
    return 0;
}

/* That there is something at the path; a glob is looked at later. */
static int is_there(const char *path, struct error *err)
{
    struct stat st;
    if (strpbrk(path, "*?[") || !stat(path, &st))
        return 0;
    return error_errno(err, STATUS_INPUT, path);
}

/* The name of the data, fit for a folder's: of /data/ETTh1.csv.gz "ETTh1". */
static void stem_of(const char *path, char out[64])
{
    size_t end = strlen(path), n = 0;
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/')
        begin--;
    for (size_t i = begin; i < end && n < 60 && (path[i] != '.' || i == begin); i++) {
        const unsigned char c = (unsigned char)path[i];
        const int plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c >= 0x80;
        out[n++] = plain ? path[i] : '_';
    }
    out[n] = 0;
}

/* A copy of what is predicted; NULL where it is no forecast, or memory ran out. */
static char *targets_of(const struct draft *draft)
{
    const char *asked = draft_asked(draft, "data.targets");
    const char *targets = asked ? asked : draft_value(draft, "data.targets");
    return targets ? strdup(targets) : NULL;
}

void propose_run(struct proposing *p, const char *kind)
{
    char stem[64];
    stem_of(p->data, stem);
    draft_set(p->draft, "run.name", "%s", *stem ? stem : kind);
    draft_set(p->draft, "run.output", "runs/%s", *stem ? stem : kind);
}

static void drop_new(struct proposing *p)
{
    struct error late;
    column_kinds_fini(&p->column);
    if (p->silent)
        log_close(p->silent, &late);
    draft_free(p->draft);
    free(p->first);
}

static int start(struct proposing *p, const char *path, char *const *settings, size_t count,
                 struct error *err)
{
    if (is_there(p->data, err))
        return -1;
    if (!p->silent || !(p->draft = draft_new(path, settings, count)))
        return error_set(err, STATUS_FAILED, "out of memory");
    return find_first(p, err) || find_columns(p, err) ? -1 : 0;
}

/* Of loads that try something: what they find is told once, when all is decided. */
static struct log *silent_log(void)
{
    struct log *log = log_new(LOG_QUIET);
    if (log)
        log_set(log, &(struct log_settings){.silent = 1});
    return log;
}

int propose(struct proposed *to, const char *name, const char *data, const char *path,
            char *const *settings, size_t count, struct log *log, struct error *err)
{
    struct proposing p = {.data = data, .log = log, .silent = silent_log()};
    const struct kind *kind = name ? kind_named(name, err) : NULL;
    memset(to, 0, sizeof *to);
    if ((name && !kind) || start(&p, path ? path : "seqtrain.ini", settings, count, err) ||
        (!kind && !(kind = kind_of_data(&p, err)))) {
        drop_new(&p);
        return -1;
    }
    propose_run(&p, kind->name);
    to->kind = kind->name;
    if (asprintf(&to->path, path ? "%s" : "%s.ini", path ? path : kind->name) < 0)
        to->path = NULL;
    p.path = to->path;
    if (!to->path)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (!kind->propose(&p, err))
        to->text = draft_text(p.draft, err);
    if (to->text && !strcmp(kind->name, "forecast"))
        to->targets = targets_of(p.draft);
    drop_new(&p);
    if (to->text)
        return 0;
    free(to->path);
    to->path = NULL;
    return -1;
}
