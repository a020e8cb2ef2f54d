/* SPDX-License-Identifier: MIT */
#include "propose/draft.h"

#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "data/reading.h"
#include "run/prepare.h"
#include "util/array.h"
#include "util/file.h"

#define COLUMNS 100 /* of a line of comment */

struct item {
    char *name, *value, *why; /* "data.window", "50"; NULL: no reason */
};

struct draft {
    char *path, *folder; /* of the INI file; the folder's real name */
    char *const *settings;
    size_t setting_count;
    struct item **item;
    size_t items;
    char **about; /* paragraphs */
    size_t abouts;
    int only_reads;
    int failed; /* memory */
};

static int no_memory(const struct draft *d, struct error *err)
{
    return error_set(err, STATUS_FAILED, "%s: out of memory", d->path);
}

struct draft *draft_new(const char *path, char *const *settings, size_t count)
{
    struct draft *d = calloc(1, sizeof *d);
    char *copy = strdup(path);
    if (d) {
        d->path = strdup(path);
        d->folder = copy ? file_real(dirname(copy)) : NULL;
        d->settings = settings;
        d->setting_count = count;
    }
    free(copy);
    if (d && d->path && d->folder)
        return d;
    draft_free(d);
    return NULL;
}

static void item_free(struct item *item)
{
    if (!item)
        return;
    free(item->name);
    free(item->value);
    free(item->why);
    free(item);
}

void draft_free(struct draft *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->items; i++)
        item_free(d->item[i]);
    for (size_t i = 0; i < d->abouts; i++)
        free(d->about[i]);
    free(d->item);
    free(d->about);
    free(d->path);
    free(d->folder);
    free(d);
}

/* --- keys */

static struct item *item_of(const struct draft *d, const char *name)
{
    for (size_t i = 0; i < d->items; i++)
        if (!strcmp(d->item[i]->name, name))
            return d->item[i];
    return NULL;
}

static struct item *item_make(struct draft *d, const char *name)
{
    struct item *item = item_of(d, name);
    if (item)
        return item;
    if (!(item = array_append((void ***)&d->item, &d->items, sizeof *item)) ||
        !(item->name = strdup(name)))
        d->failed = 1;
    if (item && !item->name) {
        free(item);
        d->items--;
        item = NULL;
    }
    return item;
}

/* Puts a text in the place of another one. */
static void put(struct draft *d, char **to, const char *format, va_list arguments)
{
    free(*to);
    if (vasprintf(to, format, arguments) < 0) {
        *to = NULL;
        d->failed = 1;
    }
}

void draft_set(struct draft *d, const char *name, const char *format, ...)
{
    struct item *item = item_make(d, name);
    va_list arguments;
    va_start(arguments, format);
    if (item)
        put(d, &item->value, format, arguments);
    va_end(arguments);
}

void draft_why(struct draft *d, const char *name, const char *format, ...)
{
    struct item *item = item_make(d, name);
    va_list arguments;
    va_start(arguments, format);
    if (item)
        put(d, &item->why, format, arguments);
    va_end(arguments);
}

/* What is below the file's folder is told from there, all else from the root. */
void draft_set_path(struct draft *d, const char *name, const char *path)
{
    char *real = file_real(path), *text = NULL;
    const size_t folder = strlen(d->folder);
    const char *shown = real;
    size_t size;
    if (real && folder > 1 && !strncmp(real, d->folder, folder) && real[folder] == '/')
        shown = real + folder + 1;
    FILE *out = shown ? open_memstream(&text, &size) : NULL;
    if (out)
        option_write_quoted(shown, "\";,#", out);
    if (!out || fclose(out))
        d->failed = 1;
    else
        draft_set(d, name, "%s", text);
    free(text);
    free(real);
}

void draft_about(struct draft *d, const char *format, ...)
{
    char **more = realloc(d->about, (d->abouts + 1) * sizeof *more);
    va_list arguments;
    va_start(arguments, format);
    if (more) {
        d->about = more;
        more[d->abouts] = NULL;
        put(d, &more[d->abouts++], format, arguments);
    } else {
        d->failed = 1;
    }
    va_end(arguments);
}

void draft_short(struct draft *d)
{
    d->failed = 1;
}

void draft_drop(struct draft *d, const char *name)
{
    for (size_t i = 0; i < d->items; i++)
        if (!strcmp(d->item[i]->name, name)) {
            item_free(d->item[i]);
            memmove(d->item + i, d->item + i + 1, (--d->items - i) * sizeof *d->item);
            return;
        }
}

const char *draft_value(const struct draft *d, const char *name)
{
    const struct item *item = item_of(d, name);
    return item ? item->value : NULL;
}

void draft_only_reads(struct draft *d, int only)
{
    d->only_reads = only;
}

static int is_of_reading(const char *setting)
{
    static const char *const keys[] = {
        "encoding", "separator", "skip_lines",    "skip_footer",    "columns",  "series",
        "join",     "time",      "time_format",   "time_zone",      "order",    "duplicates",
        "decimal",  "missing",   "missing_limit", "missing_values", "resample", "aggregate",
        "from",     "to",        "days",          "rows",           "gap",      "short_series"};
    char name[64];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        snprintf(name, sizeof name, "data.%s", keys[i]);
        if (reading_sets(setting, name))
            return 1;
    }
    return 0;
}

const char *draft_asked(const struct draft *d, const char *name)
{
    for (size_t i = d->setting_count; i-- > 0;)
        if (reading_sets(d->settings[i], name) && (!d->only_reads || is_of_reading(d->settings[i])))
            return strchr(d->settings[i], '=') ? strchr(d->settings[i], '=') + 1 : "";
    return NULL;
}

/* --- as an INI file */

/* Words in lines that begin with "; ". */
static void put_comment(const char *text, FILE *out)
{
    size_t column = 0;
    while (*text) {
        const size_t word = strcspn(text, " \n");
        if (column && column + 1 + word > COLUMNS) {
            putc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column ? " " : "; ", (int)word, text);
        text += word;
        text += strspn(text, " \n");
    }
    if (column)
        putc('\n', out);
}

static int is_of(const char *name, const char *section)
{
    const size_t n = strlen(section);
    return !strncmp(name, section, n) && name[n] == '.';
}

/* Length of the longest key of a section that is written. */
static size_t longest_key(const struct draft *d, const char *section)
{
    size_t longest = 0;
    for (size_t i = 0; i < d->items; i++) {
        const size_t n = strlen(d->item[i]->name);
        if (is_of(d->item[i]->name, section) && !draft_asked(d, d->item[i]->name) && n > longest)
            longest = n;
    }
    return longest > strlen(section) ? longest - strlen(section) - 1 : 0;
}

static void put_section(const struct draft *d, const char *section, char *const *asked,
                        size_t count, FILE *out)
{
    const size_t prefix = strlen(section) + 1, longest = longest_key(d, section);
    int begun = 0;
    for (size_t i = 0; i < d->items; i++) {
        const struct item *item = d->item[i];
        if (!is_of(item->name, section) || draft_asked(d, item->name) || !item->value)
            continue;
        if (!begun++)
            fprintf(out, "\n[%s]\n", section);
        if (item->why)
            put_comment(item->why, out);
        fprintf(out, "%-*s = ", (int)longest, item->name + prefix);
        config_put(item->value, out);
        putc('\n', out);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_of(asked[i], section))
            continue;
        if (!begun++)
            fprintf(out, "\n[%s]\n", section);
        const char *value = strchr(asked[i], '=');
        fprintf(out, "; as asked for\n%.*s = %s\n", (int)(value - asked[i] - (long)prefix),
                asked[i] + prefix, value + 1);
    }
}

/* The file, with what was asked for, `asked` [count]; NULL: memory. */
static char *put_all(const struct draft *d, char *const *asked, size_t count)
{
    static const char *const sections[] = {"run",     "device",  "data",    "signal", "model",
                                           "adapter", "encoder", "caption", "loss",   "train",
                                           "cluster", "plots",   "log"};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < d->abouts; i++)
        put_comment(d->about[i] ? d->about[i] : "", out);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        put_section(d, sections[i], asked, count, out);
    if (!fclose(out) && !d->failed)
        return text;
    free(text);
    return NULL;
}

struct config *draft_config(const struct draft *d, struct error *err)
{
    char *text = put_all(d, NULL, 0);
    char **settings = calloc(d->setting_count + 1, sizeof *settings);
    struct config *config = NULL;
    size_t count = 0;
    for (size_t i = 0; settings && i < d->setting_count; i++)
        if (!d->only_reads || is_of_reading(d->settings[i]))
            settings[count++] = d->settings[i];
    if (text && settings)
        config = config_parse_with(text, d->path, settings, count, prepare_check, err);
    else
        no_memory(d, err);
    free(settings);
    free(text);
    return config;
}

struct dataset *draft_load(const struct draft *d, struct log *log, struct error *err)
{
    struct config *config = draft_config(d, err);
    struct dataset *data =
        config && !prepare_features(config, log, err) ? dataset_load(config, NULL, log, err) : NULL;
    config_free(config);
    return data;
}

char *draft_text(const struct draft *d, struct error *err)
{
    struct config *config = draft_config(d, err), *again = NULL;
    size_t count = 0;
    char **asked = config ? config_settings(config, &count, err) : NULL;
    char *text = asked ? put_all(d, asked, count) : NULL;
    if (asked && !text)
        no_memory(d, err);
    for (size_t i = 0; asked && i < count; i++)
        free(asked[i]);
    free(asked);
    config_free(config);
    if (text && !(again = config_parse_with(text, d->path, NULL, 0, prepare_check, err))) {
        free(text);
        text = NULL;
    }
    config_free(again);
    return text;
}
