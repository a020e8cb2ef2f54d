/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_made.h"
#include "config/option.h"
#include "util/clocale.h"
#include "util/file.h"

/* --- writing */

/* The name of an input file from anywhere: its folder's real name, then the file's, which may be a
 * symbolic link. NULL if memory runs out. */
static char *absolute(const char *path)
{
    if (!strcmp(path, "-"))
        return strdup(path);
    char *copy = strdup(path), *folder = copy ? realpath(dirname(copy), NULL) : NULL;
    const char *slash = strrchr(path, '/');
    int no_memory = !folder && errno == ENOMEM;
    free(copy);
    if (no_memory)
        return NULL;
    if (!folder && *path == '/')
        return strdup(path);
    char *from = folder ? folder : getcwd(NULL, 0), *name = NULL;
    if (from || errno != ENOMEM)
        name = from ? file_join(from, folder && slash ? slash + 1 : path) : strdup(path);
    free(from);
    return name;
}

static int print_inputs(const struct option *o, const struct list *list, FILE *out)
{
    union option_value value = {.list = {calloc(list->count + 1, sizeof(char *)), list->count}};
    int failed = 0;
    if (!value.list.item)
        return -1;
    for (size_t i = 0; i < list->count && !failed; i++)
        failed = !(value.list.item[i] = absolute(list->item[i]));
    if (!failed)
        option_write(o, &value, out);
    option_release(o, &value);
    return failed ? -1 : 0;
}

/* A key's value as types read it. */
static int print_value(const struct option *o, const struct config *config, FILE *out)
{
    union option_value value;
    option_get(o, config, &value);
    if (o->type == OPTION_INPUTS)
        return print_inputs(o, &value.list, out);
    char *path = NULL;
    if ((o->type == OPTION_INPUT || o->type == OPTION_OUTPUT) && option_is_path(o, value.text)) {
        path = absolute(value.text);
        if (!path)
            return -1;
        value.text = path;
    }
    option_write(o, &value, out);
    free(path);
    return 0;
}

/* print_value() as a string. */
static char *value_text(const struct option *o, const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int failed = !out || print_value(o, config, out);
    if ((out && fclose(out)) || failed) {
        free(text);
        return NULL;
    }
    return text;
}

void config_put(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (!strncmp(text, "${", 2))
            putc('$', out);
        putc(*text, out);
    }
}

int config_print(const struct config *config, FILE *out)
{
    int failed = 0;
    const char *section = "";
    locale_t before = clocale_enter();
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &options[i];
        char *text = o->resume == OPTION_SWEEP ? NULL : value_text(o, config);
        if (o->resume == OPTION_SWEEP)
            continue;
        if (strcmp(section, o->section))
            fprintf(out, "%s[%s]\n", i ? "\n" : "", o->section);
        section = o->section;
        failed |= !text;
        fprintf(out, "%s = ", o->key);
        config_put(text ? text : "", out);
        putc('\n', out);
        free(text);
    }
    clocale_leave(before);
    return failed || ferror(out) ? -1 : 0;
}

char *config_text(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    int failed = config_print(config, out);
    if (fclose(out) || failed) {
        free(text);
        return NULL;
    }
    return text;
}

const char *config_choice(const char *section, const char *key, int value)
{
    const struct option *o = option_find(section, key);
    return o ? option_choice(o, value) : NULL;
}

/* "section.key=value" of an entry, from anywhere; NULL: memory. */
static char *setting_text(const struct config *config, size_t i)
{
    const struct entry *e = &config->made->entries.item[i];
    char *text = NULL, *value = i < option_count ? value_text(&options[i], config) : NULL;
    size_t size;
    FILE *out = value || i >= option_count ? open_memstream(&text, &size) : NULL;
    for (char *at = value; out && at && *at; at++)
        if (*at == '\n') /* a list of several lines, the next of them indented */
            memmove(at, at + 4, strlen(at + 4) + 1);
    if (out) {
        fprintf(out, "%s.%s=", e->section, e->key);
        config_put(value ? value : entry_value(e), out);
    }
    free(value);
    if (out && !fclose(out))
        return text;
    free(text);
    return NULL;
}

static int is_setting(const struct entries *entries, size_t i)
{
    const struct entry *e = &entries->item[i];
    return (e->swept || e->from >= ENTRY_SETTING) && !entry_varies(e) && !entry_is_slot(e) &&
           (i >= option_count || options[i].resume != OPTION_SWEEP);
}

char **config_settings(const struct config *config, size_t *count, struct error *err)
{
    const struct entries *entries = &config->made->entries;
    char **text = calloc(entries->count + 1, sizeof *text);
    int failed = !text;
    locale_t before = clocale_enter();
    *count = 0;
    for (size_t i = 0; !failed && i < entries->count; i++)
        if (is_setting(entries, i))
            failed = !(text[(*count)++] = setting_text(config, i));
    clocale_leave(before);
    if (!failed)
        return text;
    for (size_t i = 0; text && i < *count; i++)
        free(text[i]);
    free(text);
    error_set(err, STATUS_FAILED, "out of memory");
    return NULL;
}

/* --- comparing */

int config_differs(const struct config *old, const struct config *now, int resuming, char *out,
                   size_t size)
{
    int differs = 0;
    locale_t before = clocale_enter();
    for (size_t i = 0; i < option_count && !differs; i++) {
        const struct option *o = &options[i];
        if (o->resume == OPTION_SWEEP || (resuming && o->resume == OPTION_FREE))
            continue;
        char *a = value_text(o, old), *b = value_text(o, now);
        char qa[OPTION_QUOTED], qb[OPTION_QUOTED];
        differs = a && b ? strcmp(a, b) != 0 : -1;
        if (differs > 0)
            snprintf(out, size, "%s.%s: %s in the checkpoint, %s here", o->section, o->key,
                     option_quote(a ? a : "?", qa), option_quote(b ? b : "?", qb));
        free(a);
        free(b);
    }
    clocale_leave(before);
    return differs;
}
