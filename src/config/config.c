/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_made.h"
#include "config/inifile.h"
#include "config/option.h"
#include "config/unknown.h"
#include "config/value.h"
#include "util/clocale.h"
#include "util/file.h"
#include "util/quoted.h"
#include "util/words.h"

#define MAX_FILE (1 << 20) /* bytes of an INI file */
#define MAX_FAULTS 1000    /* that are kept; more are only counted */

struct fault {
    long from;
    size_t order; /* of discovery */
    char *text;
};

/* A config in the making. */
struct config_making {
    struct config *config;
    struct entries *entries;
    const char *name;    /* of the file; NULL without one */
    const char *folder;  /* that INPUT names in the file are relative to; NULL: the current one */
    const char *section; /* the file's current section, NULL if it is none of ours */
    char *bad;           /* [option_count]: a value had a fault, what was there before stays */
    char *derived;       /* [option_count]: config_default() or config_must() gave the value */
    struct fault *fault; /* [MAX_FAULTS] */
    size_t kept, faults;
    int no_memory;
};

/* --- faults */

/* Takes `text` over. */
static void add_fault(struct config_making *p, long from, char *text)
{
    if (!text)
        p->no_memory = 1;
    else if (p->kept == MAX_FAULTS)
        free(text);
    else {
        p->fault[p->kept] = (struct fault){from, p->kept, text};
        p->kept++;
    }
    p->faults++;
}

/* "file.ini:42: this line ..." */
static void line_fault(void *ctx, long line, const char *what)
{
    struct config_making *p = ctx;
    add_fault(p, line, option_format("%s:%ld: this line %s", p->name, line, what));
}

/* "file.ini:42: [train] lr: what", "-s train.lr: what", or without a line for a default; of what a
 * key of [sweep] stands for "file.ini:42: [sweep] train.lr: what". */
static char *entry_fault(const char *name, const struct entry *e, const char *what)
{
    char key[3 * INIFILE_MAX_KEY];
    int swept = e->swept || entry_varies(e);
    snprintf(key, sizeof key, "%s%s%s", e->swept ? e->section : "", e->swept ? "." : "", e->key);
    const char *section = swept ? "sweep" : e->section;
    if (e->from >= ENTRY_SETTING)
        return option_format("-s %s.%s: %s", section, key, what);
    if (e->from != ENTRY_DEFAULT)
        return option_format("%s:%ld: [%s] %s: %s", name, e->from, section, key, what);
    return option_format("%s: [%s] %s: %s", name ? name : "configuration", section, key, what);
}

static void on_entry_fault(void *ctx, const struct entry *e, const char *what)
{
    struct config_making *p = ctx;
    add_fault(p, e->from, entry_fault(p->name, e, what));
}

static void option_fault(struct config_making *p, const struct option *o, const char *what)
{
    on_entry_fault(p, &p->entries->item[o - options], what);
    p->bad[o - options] = 1;
}

static int compare_faults(const void *va, const void *vb)
{
    const struct fault *a = va, *b = vb;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* As many faults as the text of an error holds, and how many more there are. */
static void tell_faults(struct config_making *p, struct error *err)
{
    const size_t tail = 40; /* "\nand 1000000 more faults" */
    size_t used = 0, told = 0;
    qsort(p->fault, p->kept, sizeof *p->fault, compare_faults);
    err->status = STATUS_USAGE;
    err->text[0] = 0;
    for (; told < p->kept; told++) {
        size_t n = strlen(p->fault[told].text) + (told > 0);
        size_t room = sizeof err->text - 1 - (told + 1 < p->faults ? tail : 0);
        if (told && used + n > room)
            break;
        snprintf(err->text + used, room + 1 - used, "%s%s", told ? "\n" : "", p->fault[told].text);
        used += strlen(err->text + used);
    }
    size_t more = p->faults - told;
    if (more)
        snprintf(err->text + used, sizeof err->text - used, "\nand %zu more fault%s", more,
                 more == 1 ? "" : "s");
}

/* --- reading */

/* The name of an input file as seen from the current folder; takes `text` over. Standard input,
 * "-", is the same from everywhere. */
static char *from_folder(const char *folder, char *text)
{
    if (!folder || !*text || *text == '/' || !strcmp(text, "-"))
        return text;
    char *joined = file_join(folder, text);
    free(text);
    return joined;
}

/* from_folder() for each file of a value; -1: memory. */
static int in_folder(const char *folder, const struct option *o, union option_value *value)
{
    if (o->type == OPTION_INPUT)
        return !option_is_path(o, value->text) || (value->text = from_folder(folder, value->text))
                   ? 0
                   : -1;
    for (size_t i = 0; o->type == OPTION_INPUTS && i < value->list.count; i++)
        if (!(value->list.item[i] = from_folder(folder, value->list.item[i])))
            return -1;
    return 0;
}

/* What values were called once. */
static const struct {
    const char *section, *key, *old, *now, *told;
} renamed[] = {
    {"device", "gemm", "bf16", "bf16_products",
     "[device] gemm = bf16 is called bf16_products now; train.precision = bf16 stores in bfloat16 "
     "too"},
};

static const char *name_of_now(struct config *config, const struct option *o, const char *text)
{
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (!strcmp(o->section, renamed[i].section) && !strcmp(o->key, renamed[i].key) &&
            !strcmp(text, renamed[i].old)) {
            config->renamed = renamed[i].told;
            return renamed[i].now;
        }
    return text;
}

/* Gives an option a value that is its own from now on. */
static void put_over(struct config_making *p, const struct option *o,
                     const union option_value *value)
{
    union option_value before;
    option_get(o, p->config, &before);
    option_release(o, &before);
    option_put(o, p->config, value);
}

/* Reads a value and puts it in the place of the one before. */
static void set(struct config_making *p, const struct option *o, const char *text, long from)
{
    char what[OPTION_FAULT];
    union option_value value;
    const char *not_text = inifile_check_text(text, strlen(text));
    text = name_of_now(p->config, o, text);
    if (not_text || option_read(o, text, &value, what)) {
        if (!not_text && !*what)
            p->no_memory = 1;
        else
            option_fault(p, o, not_text ? not_text : what);
        return;
    }
    if (from < ENTRY_DEFAULT && in_folder(p->folder, o, &value)) {
        option_release(o, &value);
        p->no_memory = 1;
        return;
    }
    put_over(p, o, &value);
}

/* Tells what is wrong with a value that another one has taken the place of. */
static void check_former(struct config_making *p, const struct entry *e)
{
    char what[OPTION_FAULT];
    union option_value value;
    const struct option *o = option_find(e->section, e->key);
    const char *text = entry_value(e), *not_text = inifile_check_text(text, strlen(text));
    if (not_text || option_read(o, name_of_now(p->config, o, text), &value, what)) {
        if (!not_text && !*what)
            p->no_memory = 1;
        else
            on_entry_fault(p, e, not_text ? not_text : what);
        return;
    }
    option_release(o, &value);
}

/* Reads the values of all options, in which all is replaced. */
static void set_all(struct config_making *p)
{
    for (size_t i = option_count; i < p->entries->count; i++)
        if (p->entries->item[i].former && p->entries->item[i].state != ENTRY_BAD)
            check_former(p, &p->entries->item[i]);
    for (size_t i = 0; i < option_count && !p->no_memory; i++) {
        const struct entry *e = &p->entries->item[i];
        set(p, &options[i], options[i].def, ENTRY_DEFAULT);
        if (e->state == ENTRY_BAD)
            p->bad[i] = 1;
        else if (e->from != ENTRY_DEFAULT)
            set(p, &options[i], entry_value(e), e->from);
    }
}

static void on_section(void *ctx, long line, const char *name)
{
    struct config_making *p = ctx;
    p->section = NULL;
    for (size_t i = 0; i < option_section_count; i++)
        if (!strcmp(option_sections[i].name, name))
            p->section = option_sections[i].name;
    if (p->section)
        return;
    char *what = unknown_section(name);
    add_fault(p, line, what ? option_format("%s:%ld: %s", p->name, line, what) : NULL);
    free(what);
}

/* The entry of a key, a new one of a variable or of a key of [sweep] that varies. NULL with what is
 * wrong in *what, which the caller frees. */
static struct entry *entry_of(struct config_making *p, const char *section, const char *key,
                              char **what)
{
    struct entry *e = entries_find(p->entries, section, key);
    const int variable = !strcmp(section, "vars");
    if (e)
        return e;
    if (!variable && (strcmp(section, "sweep") || !strchr(key, '.')))
        *what = unknown_name(section, key);
    else if (p->entries->count >= option_count + ENTRIES_NAMES)
        *what = option_format("[vars] and [sweep] hold more than %d names", ENTRIES_NAMES);
    else
        *what = NULL;
    if (!*what)
        e = entries_add(p->entries, variable ? "vars" : "sweep", key);
    return e;
}

static void on_value(void *ctx, long line, const char *section, const char *key, const char *value)
{
    struct config_making *p = ctx;
    if (!*section) {
        line_fault(p, line, "sets a key before any [section]");
        return;
    }
    if (!p->section)
        return; /* told at its heading */
    char *wrong;
    struct entry *e = entry_of(p, p->section, key, &wrong);
    if (!e) {
        add_fault(p, line, wrong ? option_format("%s:%ld: %s", p->name, line, wrong) : NULL);
        free(wrong);
        return;
    }
    if (e->from && e->from != ENTRY_DEFAULT) {
        char what[64];
        snprintf(what, sizeof what, "was set in line %ld already", e->from);
        struct entry again = *e;
        again.from = line;
        on_entry_fault(p, &again, what);
        return;
    }
    p->no_memory |= entry_set(e, value, line);
}

static void read_file(struct config_making *p, const char *bytes, size_t size)
{
    static const struct inifile_events events = {on_section, on_value, line_fault};
    if (inifile_parse(bytes, size, &events, p))
        p->no_memory = 1;
}

/* What has been set does not vary. */
static void fix(struct config_making *p, const struct entry *set)
{
    for (size_t i = option_count; i < p->entries->count; i++) {
        struct entry *e = &p->entries->item[i];
        if (entry_varies(e) && entries_named(p->entries, e->key) == set)
            e->fixed = 1;
    }
}

/* "section.key=value", with blanks around any of them. */
static void read_setting(struct config_making *p, const char *setting, long from)
{
    static const char blanks[] = " \t";
    char *copy = strdup(setting), *value = copy ? strchr(copy, '=') : NULL;
    char *key = copy ? strchr(copy, '.') : NULL, quoted[OPTION_QUOTED];
    if (!copy) {
        p->no_memory = 1;
        return;
    }
    if (!value || !key || key > value) {
        add_fault(p, from,
                  option_format("-s %s is not section.key=value", option_quote(setting, quoted)));
        free(copy);
        return;
    }
    *value++ = *key++ = 0;
    char *section = copy + strspn(copy, blanks);
    char *parts[] = {section, key += strspn(key, blanks), value += strspn(value, blanks)};
    for (size_t i = 0; i < 3; i++)
        for (size_t n = strlen(parts[i]); n && strchr(blanks, parts[i][n - 1]); n--)
            parts[i][n - 1] = 0;
    char *wrong;
    struct entry *e = entry_of(p, section, key, &wrong);
    if (!e) {
        add_fault(p, from,
                  wrong ? option_format("-s %s: %s", option_quote(setting, quoted), wrong) : NULL);
        free(wrong);
    } else if (entries_keep(p->entries, e) ||
               entry_set(e = entries_find(p->entries, section, key), value, from))
        p->no_memory = 1;
    else
        fix(p, e);
    free(copy);
}

/* Puts value i in the place of what key i of [sweep] names, unless it is NULL. */
static void vary(struct config_making *p, const char *const *value)
{
    for (size_t i = option_count; i < p->entries->count; i++) {
        struct entry *by = &p->entries->item[i];
        const char *text = entry_varies(by) && !by->fixed ? *value++ : NULL;
        struct entry *e = text ? entries_named(p->entries, by->key) : NULL;
        if (!e)
            continue;
        p->no_memory |= entry_set(e, text, by->from);
        e->swept = by->fixed = 1;
    }
}

/* Whether a key of [sweep] may vary; else the reason is the caller's. */
static int may_vary(const struct config_making *p, const struct entry *by, char **why)
{
    const struct entry *e = entries_named(p->entries, by->key);
    size_t i = e ? (size_t)(e - p->entries->item) : option_count;
    char section[INIFILE_MAX_KEY + 1];
    snprintf(section, sizeof section, "%.*s", (int)strcspn(by->key, "."), by->key);
    if (e && !entry_varies(e) && !entry_is_slot(e) &&
        (i >= option_count || options[i].resume != OPTION_SWEEP))
        return 1;
    if (e)
        *why = option_format("what belongs to the sweep itself does not vary");
    else if (!strcmp(section, "vars"))
        *why = option_format(
            "[vars] has no such variable; it holds the value of %s outside of a sweep", by->key);
    else
        *why = unknown_name(section, by->key + strlen(section) + 1);
    return 0;
}

static void check_varying(struct config_making *p)
{
    for (size_t i = option_count; i < p->entries->count; i++) {
        const struct entry *e = &p->entries->item[i];
        char *why = NULL;
        if (!entry_varies(e) || e->fixed || may_vary(p, e, &why))
            continue;
        if (why)
            on_entry_fault(p, e, why);
        else
            p->no_memory = 1;
        free(why);
    }
}

/* A sentence about variables that nothing uses; NULL: there are none. */
static char *find_unused(struct config_making *p)
{
    char *text = NULL;
    size_t size, count = 0;
    if (p->entries->count == option_count)
        return NULL;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = option_count; out && i < p->entries->count; i++) {
        const struct entry *e = &p->entries->item[i];
        if (!entry_is_variable(e) || e->used)
            continue;
        fprintf(out, count++ ? ", ${vars.%s}" : "no value holds ${vars.%s}", e->key);
        if (e->from < ENTRY_DEFAULT)
            fprintf(out, " (%s:%ld)", p->name, e->from);
    }
    p->no_memory |= !out || fclose(out);
    if (count)
        return text;
    free(text);
    return NULL;
}

/* --- what must hold between keys */

#define KEY(s, key) option_at(offsetof(struct config, s.key))

static const struct option *option_at(size_t offset)
{
    const struct option *o = options;
    while (o->offset != offset)
        o++;
    return o;
}

/* A setting was meant more than a line, a line more than a default. */
static int meant(const struct config_making *p, const struct option *o)
{
    long from = p->entries->item[o - options].from;
    return from >= ENTRY_SETTING ? 2 : from != ENTRY_DEFAULT;
}

/*
 * Tells what does not go together at the key that was set last, `a` if in doubt. Says nothing
 * where the value of one is not the one that was meant, having had a fault itself.
 */
static void clash_of(struct config_making *p, const struct option *a, const struct option *b,
                     const char *text, va_list ap) __attribute__((format(printf, 4, 0)));
static void clash_of(struct config_making *p, const struct option *a, const struct option *b,
                     const char *text, va_list ap)
{
    char what[OPTION_FAULT];
    if (p->bad[a - options] || p->bad[b - options])
        return;
    vsnprintf(what, sizeof what, text, ap);
    option_fault(p, meant(p, b) > meant(p, a) ? b : a, what);
}

static void clash(struct config_making *p, const struct option *a, const struct option *b,
                  const char *text, ...) __attribute__((format(printf, 4, 5)));
static void clash(struct config_making *p, const struct option *a, const struct option *b,
                  const char *text, ...)
{
    va_list ap;
    va_start(ap, text);
    clash_of(p, a, b, text, ap);
    va_end(ap);
}

/* The option "section.key", which is there. */
static const struct option *option_named(const char *name)
{
    const struct option *o = options;
    for (size_t n = strcspn(name, ".");
         strlen(o->section) != n || strncmp(o->section, name, n) || strcmp(o->key, name + n + 1);)
        o++;
    return o;
}

void config_clash(struct config_making *making, const char *a, const char *b, const char *text, ...)
{
    va_list ap;
    va_start(ap, text);
    clash_of(making, option_named(a), option_named(b), text, ap);
    va_end(ap);
}

/* Whether nobody has said what an option is. */
static int is_open(const struct config_making *p, const struct option *o)
{
    union option_value value;
    option_get(o, p->config, &value);
    return !p->derived[o - options] &&
           (!meant(p, o) || (o->type == OPTION_AUTO && value.integer == -1));
}

/* Tells that `o` has another value than `value`, which `by` asks for. */
static void tell_other(struct config_making *p, const struct option *o, const struct option *by,
                       const union option_value *value)
{
    union option_value is, whose;
    option_get(o, p->config, &is);
    option_get(by, p->config, &whose);
    char *text[] = {option_text(o, &is), option_text(o, value), option_text(by, &whose)};
    if (!text[0] || !text[1] || !text[2])
        p->no_memory = 1;
    else if (strcmp(text[0], text[1]))
        clash(p, o, by, "%s = %s is not that of %s = %s, %s", o->key, text[0], by->key, text[2],
              text[1]);
    for (size_t i = 0; i < 3; i++)
        free(text[i]);
}

/* NULL: what the option is of its own is what may stand beside it. */
static void derive(struct config_making *p, const char *name, const char *text, const char *by)
{
    const struct option *o = option_named(name), *asks = by ? option_named(by) : o;
    union option_value value;
    char what[OPTION_FAULT];
    if (p->bad[o - options] || p->bad[asks - options])
        return;
    if (option_read(o, text, &value, what)) {
        if (*what)
            clash(p, asks, asks, "its %s: %s", o->key, what);
        else
            p->no_memory = 1;
        return;
    }
    if (is_open(p, o)) {
        put_over(p, o, &value);
        p->derived[o - options] = 1;
        return;
    }
    if (by)
        tell_other(p, o, asks, &value);
    option_release(o, &value);
}

void config_default(struct config_making *making, const char *name, const char *value)
{
    derive(making, name, value, NULL);
}

void config_must(struct config_making *making, const char *name, const char *value, const char *by)
{
    derive(making, name, value, by);
}

void config_short(struct config_making *making)
{
    making->no_memory = 1;
}

static void check_data(struct config_making *p)
{
    const struct config *c = p->config;
    const struct option *source = KEY(data, source), *features = KEY(data, features);
    if (!*c->run.output)
        clash(p, KEY(run, output), KEY(run, output), "a run needs a folder");
    if (!c->data.source.count && !*c->data.manifest)
        clash(p, source, source, "a data file must be named");
    if (c->data.source.count && *c->data.manifest)
        clash(p, KEY(data, manifest), source, "give either source or manifest");
    if (!c->data.features.count)
        clash(p, features, features, "at least one feature is needed");
    if (c->data.validation + c->data.test >= 1 && c->data.split != SPLIT_WALK_FORWARD)
        clash(p, KEY(data, validation), KEY(data, test),
              "validation = %g and test = %g leave nothing to train on", c->data.validation,
              c->data.test);
    if (c->data.resample && !c->data.time.count)
        clash(p, KEY(data, resample), KEY(data, time), "resampling needs a time column (time = )");
    if (c->data.gap && !c->data.time.count)
        clash(p, KEY(data, gap), KEY(data, time), "a gap needs a time column (time = )");
    if (!c->data.time.count && (*c->data.from || *c->data.to || c->data.days))
        clash(p,
              *c->data.from ? KEY(data, from)
              : *c->data.to ? KEY(data, to)
                            : KEY(data, days),
              KEY(data, time), "a range of time needs a time column (time = )");
    if (*c->data.from && c->data.days)
        clash(p, KEY(data, days), KEY(data, from), "give either from or days");
    if (c->data.time.count > 2)
        clash(p, KEY(data, time), KEY(data, time), "one column, or two: date, time of day");
    if (c->data.gap && c->data.gap < c->data.resample)
        clash(p, KEY(data, gap), KEY(data, resample),
              "a gap shorter than the resampled candles would part all rows");
    if ((c->data.split == SPLIT_SHUFFLED || c->data.split == SPLIT_STRATIFIED) &&
        c->data.split_block != -1 && c->data.split_block < c->data.window)
        clash(p, KEY(data, split_block), KEY(data, window),
              "blocks of %ld rows hold no window of %ld", c->data.split_block, c->data.window);
    if (c->data.split == SPLIT_SPEC && !*c->signal.spec)
        clash(p, KEY(data, split), KEY(signal, spec), "split = spec needs signal.spec");
    if (c->data.fold > c->data.folds)
        clash(p, KEY(data, fold), KEY(data, folds), "there is no fold %ld of %ld", c->data.fold,
              c->data.folds);
    if (c->data.split == SPLIT_WALK_FORWARD && c->data.validation_source.count)
        clash(p, KEY(data, split), KEY(data, validation_source),
              "walk_forward cuts validation from source");
    if (c->data.split == SPLIT_WALK_FORWARD && c->data.test_source.count)
        clash(p, KEY(data, split), KEY(data, test_source),
              "walk_forward cuts the test from source");
    if (c->data.look_back && c->data.split != SPLIT_CHRONOLOGICAL &&
        c->data.split != SPLIT_WALK_FORWARD)
        clash(p, KEY(data, look_back), KEY(data, split),
              "only in the order of time is the part before a window its past");
    if (c->data.scaler.kind == SCALER_RELATIVE && c->data.channels == CHANNELS_APART)
        clash(p, KEY(data, scaler), KEY(data, channels),
              "a channel apart has no other feature to be relative to; scaler = window can serve");
    if (*c->data.augment_where &&
        (!c->data.augment.count || !strcmp(c->data.augment.item[0], "none")))
        clash(p, KEY(data, augment_where), KEY(data, augment),
              "there is no augmentation that the condition could be for");
    if (c->data.scaler.kind == SCALER_WINDOW && c->data.window < 2)
        clash(p, KEY(data, scaler), KEY(data, window),
              "a window of one row cannot be standardised by itself");
}

static void check_targets(struct config_making *p)
{
    const struct config *c = p->config;
    const struct option *rows = KEY(data, target_rows);
    int by_row = c->data.target_rows == TARGET_WINDOW;
    if (c->data.target_rows == TARGET_EACH && !c->data.horizon)
        clash(p, KEY(data, horizon), rows, "target_rows = each needs a horizon of at least 1");
    if (c->data.eval_window > 0 && !by_row)
        clash(p, KEY(data, eval_window), rows, "eval_window needs target_rows = window");
    if (c->data.eval_window > 0 && c->data.split == SPLIT_SHUFFLED_WINDOWS)
        clash(p, KEY(data, eval_window), KEY(data, split),
              "windows that are dealt one by one are all of window rows");
    if (c->data.look_back && by_row)
        clash(p, KEY(data, look_back), rows, "look_back needs targets behind the window");
    if (c->data.target_source.count && !by_row)
        clash(p, KEY(data, target_source), rows, "target_source needs target_rows = window");
    if (c->data.target_source.count && c->data.duplicates == DUPLICATES_SUM)
        clash(p, KEY(data, duplicates), KEY(data, target_source),
              "rows that are summed have no one row of target_source: first and last have");
    if (c->data.scaler.kind == SCALER_RELATIVE && by_row && c->data.targets.count)
        clash(p, KEY(data, scaler), rows,
              "relative to its last value, a window's first row tells what comes behind it");
    if (c->data.scaler.kind == SCALER_WINDOW && c->model.reversible_norm)
        clash(p, KEY(model, reversible_norm), KEY(data, scaler),
              "scaler = window has standardised each window already");
}

static void check_adapter(struct config_making *p)
{
    const struct config *c = p->config;
    const struct option *r = KEY(adapter, r);
    if (c->adapter.r || *c->adapter.file)
        return;
    if (c->adapter.alpha > 0)
        clash(p, KEY(adapter, alpha), r, "without r there is no adapter");
    else if (c->adapter.dropout > 0)
        clash(p, KEY(adapter, dropout), r, "without r there is no adapter");
    else if (c->adapter.target.count != 1 || strcmp(*c->adapter.target.item, "all") != 0)
        clash(p, KEY(adapter, target), r, "without r there is no adapter");
}

/* A step is effective_batch windows, where that is given. */
static void check_batch(struct config_making *p)
{
    const struct config *c = p->config;
    const long step = c->train.effective_batch, batch = c->train.batch;
    const long accumulate = c->train.accumulate;
    const struct option *of_step = KEY(train, effective_batch), *of_batch = KEY(train, batch);
    const struct option *of_accumulate = KEY(train, accumulate);
    if (!step && (batch < 0 || accumulate < 0))
        clash(p, batch < 0 ? of_batch : of_accumulate, of_step,
              "%s = auto needs effective_batch, the windows of a step",
              batch < 0 ? "batch" : "accumulate");
    else if (step && batch > 0 && accumulate > 0 && batch * accumulate != step)
        clash(p, of_batch, of_step,
              "batch = %ld times accumulate = %ld is not effective_batch = %ld", batch, accumulate,
              step);
    else if (step && batch > 0 && step % batch)
        clash(p, of_batch, of_step, "batch = %ld does not divide effective_batch = %ld", batch,
              step);
    else if (step && accumulate > 0 && step % accumulate)
        clash(p, of_accumulate, of_step, "accumulate = %ld does not divide effective_batch = %ld",
              accumulate, step);
}

/* An epoch's windows are numbered by 32 bits. */
static void check_epochs(struct config_making *p)
{
    const struct config *c = p->config;
    const struct span every = c->train.evaluate;
    const struct option *evaluate = KEY(train, evaluate);
    const double own = (double)c->train.batch * (double)c->train.accumulate;
    const double step = c->train.effective_batch ? (double)c->train.effective_batch : own;
    if (every.unit == SPAN_EPOCHS
            ? every.value != 1
            : every.unit != SPAN_STEPS || every.value < 1 || every.value != floor(every.value))
        clash(p, evaluate, evaluate, "give 1 epochs, or N steps, N a whole number above 0");
    else if (every.unit == SPAN_STEPS && every.value * fabs(step) > 2147483648.0)
        clash(p, evaluate, KEY(train, batch),
              "%.0f steps of %.0f windows are more than 2^31 windows between two evaluations",
              every.value, fabs(step));
}

static void check_training(struct config_making *p)
{
    const struct config *c = p->config;
    const struct option *warmup = KEY(train, warmup), *checkpoint = KEY(train, checkpoint);
    if (!strncmp(c->train.monitor, "val/", 4) && c->data.validation == 0 &&
        !c->data.validation_source.count)
        clash(p, KEY(train, monitor), KEY(data, validation),
              "monitor = %s needs validation above 0 (or monitor = train/loss)", c->train.monitor);
    if (c->train.lr_min > c->train.lr)
        clash(p, KEY(train, lr_min), KEY(train, lr), "lr_min = %g is above lr = %g",
              c->train.lr_min, c->train.lr);
    check_adapter(p);
    check_batch(p);
    check_epochs(p);
    if (c->train.batch > 0 && c->train.batch % c->train.shards)
        clash(p, KEY(train, shards), KEY(train, batch),
              "batch = %ld cannot be cut into %ld equal shards", c->train.batch, c->train.shards);
    if (c->train.effective_batch % c->train.shards)
        clash(p, KEY(train, shards), KEY(train, effective_batch),
              "effective_batch = %ld cannot be cut into %ld equal shards", c->train.effective_batch,
              c->train.shards);
    if (c->train.nesterov && c->train.momentum == 0)
        clash(p, KEY(train, nesterov), KEY(train, momentum), "nesterov needs a momentum above 0");
    if (c->train.warmup.unit == SPAN_MINUTES)
        clash(p, warmup, warmup, "a warm-up is given as N epochs, N steps or N%%");
    if (c->train.checkpoint.unit == SPAN_PERCENT || c->train.checkpoint.value <= 0)
        clash(p, checkpoint, checkpoint, "give N epochs, N steps or N minutes, N above 0");
    if (!words_are_whole(c->log.on_event))
        clash(p, KEY(log, on_event), KEY(log, on_event), "a quote has no second one");
    /* A perplexity is an effective number of neighbours; 3 times as many are looked at. */
    if ((double)c->plots.tsne_points < 3 * c->plots.tsne_perplexity + 1)
        clash(p, KEY(plots, tsne_perplexity), KEY(plots, tsne_points),
              "a perplexity of %g takes at least %.0f points, not %ld", c->plots.tsne_perplexity,
              3 * c->plots.tsne_perplexity + 1, c->plots.tsne_points);
}

/* --- making and releasing */

static void made_free(struct config_made *made)
{
    if (!made)
        return;
    entries_fini(&made->entries);
    for (size_t i = 0; made->setting && i < made->settings; i++)
        free(made->setting[i]);
    free(made->setting);
    free(made->bytes);
    free(made->name);
    free(made);
}

/* Copies of all; a NUL stands behind the bytes. */
static struct config_made *made_new(const char *bytes, size_t size, const char *name,
                                    char *const *settings, size_t count)
{
    struct config_made *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->size = size;
    made->bytes = bytes ? calloc(1, size + 1) : NULL;
    made->name = name ? strdup(name) : NULL;
    made->setting = calloc(count + 1, sizeof *made->setting);
    int failed = (bytes && !made->bytes) || (name && !made->name) || !made->setting ||
                 entries_init(&made->entries);
    for (size_t i = 0; !failed && i < count; i++, made->settings++)
        failed = !(made->setting[i] = strdup(settings[i]));
    if (failed) {
        made_free(made);
        return NULL;
    }
    if (size)
        memcpy(made->bytes, bytes, size);
    return made;
}

void config_free(struct config *config)
{
    for (size_t i = 0; config && i < option_count; i++) {
        union option_value value;
        option_get(&options[i], config, &value);
        option_release(&options[i], &value);
    }
    if (config) {
        made_free(config->made);
        free(config->unused);
    }
    free(config);
}

/* Reads file and settings, between the first `base` and the other settings what varies, and then
 * the values of all. */
static void read_all(struct config_making *p, const struct config_made *made, size_t base,
                     const char *const *value)
{
    if (made->bytes)
        read_file(p, made->bytes, made->size);
    for (size_t i = 0; i <= made->settings; i++) {
        if (i == base && value)
            vary(p, value);
        if (i < made->settings)
            read_setting(p, made->setting[i], ENTRY_SETTING + (long)i);
    }
    check_varying(p);
    if (p->no_memory || entries_replace(p->entries, on_entry_fault, p))
        p->no_memory = 1;
    else
        set_all(p);
}

/* Makes a config of `made`, which it takes over (NULL: memory), with other values (NULL: none) of
 * keys that vary by the first `base` settings. `whole`: it is also checked what holds between keys.
 */
static struct config *make(struct config_made *made, size_t base, const char *const *value,
                           int whole, config_checker *also, struct error *err)
{
    char *copy = made && made->name ? strdup(made->name) : NULL;
    char *folder = copy ? dirname(copy) : NULL;
    struct config_making p = {.name = made ? made->name : NULL,
                              .folder = folder && strcmp(folder, ".") ? folder : NULL};
    p.config = calloc(1, sizeof *p.config);
    p.bad = calloc(option_count, 1);
    p.derived = calloc(option_count, 1);
    p.fault = calloc(MAX_FAULTS, sizeof *p.fault);
    p.no_memory = !made || !p.config || !p.bad || !p.derived || !p.fault || (p.name && !copy);
    if (!p.no_memory) {
        locale_t before = clocale_enter();
        p.config->made = made;
        p.entries = &made->entries;
        read_all(&p, made, base, value);
        if (!p.no_memory && whole) {
            check_data(&p);
            if (also)
                also(&p, p.config);
            check_targets(&p);
            check_training(&p);
        }
        p.config->unused = find_unused(&p);
        clocale_leave(before);
    }
    if (p.no_memory)
        error_set(err, STATUS_FAILED, "%s: out of memory", p.name ? p.name : "configuration");
    else if (p.faults)
        tell_faults(&p, err);
    if (p.no_memory || p.faults) {
        if (!p.config || !p.config->made)
            made_free(made);
        config_free(p.config);
        p.config = NULL;
    }
    for (size_t i = 0; i < p.kept; i++)
        free(p.fault[i].text);
    free(p.fault);
    free(p.bad);
    free(p.derived);
    free(copy);
    return p.config;
}

struct config *config_load_with(const char *path, char *const *settings, size_t count,
                                config_checker *also, struct error *err)
{
    size_t size = 0;
    char *bytes = path ? file_read(path, MAX_FILE, &size, err) : NULL;
    if (path && !bytes) {
        struct stat st; /* a pipe that nobody writes to is no fault of the configuration */
        if (err->status == STATUS_INPUT && (stat(path, &st) || !S_ISFIFO(st.st_mode)))
            err->status = STATUS_USAGE;
        return NULL;
    }
    if (size >= 2 && (!memcmp(bytes, "\xff\xfe", 2) || !memcmp(bytes, "\xfe\xff", 2))) {
        error_set(err, STATUS_USAGE,
                  "%s: this is UTF-16 text; save it as UTF-8 (iconv -f utf-16 -t utf-8)", path);
        free(bytes);
        return NULL;
    }
    struct config *config =
        make(made_new(bytes, size, path, settings, count), 0, NULL, 1, also, err);
    free(bytes);
    return config;
}

struct config *config_load(const char *path, char *const *settings, size_t count, struct error *err)
{
    return config_load_with(path, settings, count, NULL, err);
}

struct config *config_parse_with(const char *text, const char *name, char *const *settings,
                                 size_t count, config_checker *also, struct error *err)
{
    return make(made_new(text, strlen(text), name, settings, count), 0, NULL, 1, also, err);
}

struct config *config_parse(const char *text, const char *name, char *const *settings, size_t count,
                            struct error *err)
{
    return config_parse_with(text, name, settings, count, NULL, err);
}

/* --- what varies */

/* The entry of key `index` of those that vary, NULL behind the last one. */
static const struct entry *varied(const struct config *config, size_t index)
{
    const struct entries *entries = &config->made->entries;
    for (size_t i = option_count; i < entries->count; i++)
        if (entry_varies(&entries->item[i]) && !entries->item[i].fixed && !index--)
            return &entries->item[i];
    return NULL;
}

int config_varied(const struct config *config, size_t index, struct config_varied *to)
{
    const struct entry *by = varied(config, index);
    if (!by)
        return -1;
    const struct entries *entries = &config->made->entries;
    size_t i = (size_t)(entries_named(entries, by->key) - entries->item);
    const enum option_type type = i < option_count ? options[i].type : OPTION_TEXT;
    *to = (struct config_varied){
        .name = by->key,
        .text = by->text,
        .is_number = type == OPTION_INTEGER || type == OPTION_AUTO || type == OPTION_REAL,
        .is_whole = type == OPTION_INTEGER || type == OPTION_AUTO,
    };
    return 0;
}

const char *config_slot(const struct config *config, size_t index, const char **key)
{
    const struct entries *entries = &config->made->entries;
    for (size_t i = option_count; i < entries->count; i++)
        if (entry_is_slot(&entries->item[i]) && !index--) {
            *key = entries->item[i].key;
            return entry_value(&entries->item[i]);
        }
    return NULL;
}

int config_varied_fault(const struct config *config, size_t index, struct error *err,
                        const char *format, ...)
{
    char what[OPTION_FAULT];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    char *text = entry_fault(config->made->name, varied(config, index), what);
    error_set(err, text ? STATUS_USAGE : STATUS_FAILED, "%s", text ? text : "out of memory");
    free(text);
    return -1;
}

static struct config *again(const struct config *base, const char *const *value, int whole,
                            char *const *settings, size_t count, config_checker *also,
                            struct error *err)
{
    const struct config_made *m = base->made;
    char **all = calloc(m->settings + count + 1, sizeof *all);
    if (!all) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < m->settings + count; i++)
        all[i] = i < m->settings ? m->setting[i] : settings[i - m->settings];
    struct config *config = make(made_new(m->bytes, m->size, m->name, all, m->settings + count),
                                 m->settings, value, whole, also, err);
    free(all);
    return config;
}

struct config *config_vary(const struct config *base, const char *const *value,
                           char *const *settings, size_t count, config_checker *also,
                           struct error *err)
{
    return again(base, value, 1, settings, count, also, err);
}

int config_try(const struct config *base, size_t index, const char *value, struct error *err)
{
    size_t count = 0;
    while (varied(base, count))
        count++;
    const char **values = calloc(count + 1, sizeof *values);
    if (!values)
        return error_set(err, STATUS_FAILED, "out of memory");
    values[index] = value;
    struct config *config = again(base, values, 0, NULL, 0, NULL, err);
    free(values);
    config_free(config);
    return config ? 0 : -1;
}

int config_is_set(const struct config *config, const char *section, const char *key)
{
    const struct entry *e = entries_find(&config->made->entries, section, key);
    return e && e->from != ENTRY_DEFAULT;
}

const char *config_name(const struct config *config)
{
    return config->made->name;
}

static int read_one(const struct option *o, const char *text, union option_value *value,
                    struct error *err)
{
    char what[OPTION_FAULT];
    const char *not_text = inifile_check_text(text, strlen(text));
    locale_t locale = clocale_enter();
    int failed = not_text || option_read(o, text, value, what);
    clocale_leave(locale);
    if (failed && !not_text && !*what)
        return error_set(err, STATUS_FAILED, "[%s] %s: out of memory", o->section, o->key);
    return failed ? error_set(err, STATUS_USAGE, "[%s] %s: %s", o->section, o->key,
                              not_text ? not_text : what)
                  : 0;
}

int config_read_devices(const char *text, struct list *to, struct error *err)
{
    union option_value value;
    if (read_one(option_find("device", "select"), text, &value, err))
        return -1;
    *to = value.list;
    return 0;
}

void config_free_list(struct list *list)
{
    value_release_list(list);
    *list = (struct list){0};
}

const char *config_device(const struct config *config)
{
    return config->device.select.item[0];
}

int config_splits(const struct config *config)
{
    return config->model.split == SPLIT_LAYERS && config->device.select.count > 1;
}

char *config_quote(const char *text)
{
    char *quoted = NULL;
    size_t size;
    FILE *out = open_memstream(&quoted, &size);
    if (!out)
        return NULL;
    quoted_put(text, NULL, out);
    if (!fclose(out))
        return quoted;
    free(quoted);
    return NULL;
}

int config_set_device(struct config *config, const char *device, struct error *err)
{
    char *quoted = config_quote(device);
    int failed = quoted ? config_set(config, "device", "select", quoted, err)
                        : error_set(err, STATUS_FAILED, "out of memory");
    free(quoted);
    return failed;
}

int config_set(struct config *config, const char *section, const char *key, const char *value,
               struct error *err)
{
    const struct option *o = option_find(section, key);
    union option_value read, before;
    if (read_one(o, value, &read, err))
        return -1;
    option_get(o, config, &before);
    option_release(o, &before);
    option_put(o, config, &read);
    return 0;
}
