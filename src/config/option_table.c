/* SPDX-License-Identifier: MIT */
/* The table of all keys, made of options.def, and the names of their choices. */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "config/option.h"

/* --- the table */

#define SECTION(name, help) {#name, help},
const struct option_section option_sections[] = {
#include "config/options.def"
    {"vars", "Variables: keys of any name, for ${vars.NAME} in other values; see VARIABLES. No run "
             "writes them to its config.ini or checkpoint, which hold what stands for them."},
};

#define ENTRY(type, s, key, resume, def, help, choices, min, max) \
    {OPTION_##type, OPTION_##resume, #s,  #key, def,              \
     help,          choices,         min, max,  offsetof(struct config, s.key)},
const struct option options[] = {
#include "config/options.def"
};

/* What shares a value with another key has it under the same number. */
#define VALUE(enumerator, name)
#define AGAIN(enumerator, name)                                                              \
    _Static_assert((int)enumerator##_AGAIN == (int)enumerator, #enumerator " is not in its " \
                                                                           "place");
#define CHOICE(s, key, resume, def, values, help) values
#define METHOD(s, key, resume, def, values, help) values
#include "config/options.def"

#define COUNT(array) (sizeof array / sizeof *array)
const size_t option_count = COUNT(options);
const size_t option_section_count = COUNT(option_sections);

const struct option *option_find(const char *section, const char *key)
{
    for (size_t i = 0; i < option_count; i++)
        if (!strcmp(options[i].section, section) && !strcmp(options[i].key, key))
            return &options[i];
    return NULL;
}

/* --- choices: "a | b | c" cut into "a", "b", "c", once */

/* room for all of them, without an allocation that can fail: each text and one NUL more */
#define ENTRY(type, s, key, resume, def, help, choices, min, max) +sizeof(choices) + 1
#define CHOICE(s, key, resume, def, values, help) +sizeof(values) + 1
#define METHOD(s, key, resume, def, values, help) +sizeof(values) + 1
static char choice_text[0
#include "config/options.def"
];
static char *choice_names[COUNT(options)]; /* "a\0b\0c\0\0" */

static void cut_choices(void)
{
    char *to = choice_text;
    for (size_t i = 0; i < option_count; i++) {
        const char *from = options[i].choices;
        choice_names[i] = from ? to : NULL;
        for (; from && *from; from++)
            if (*from == '|')
                *to++ = 0;
            else if (*from != ' ')
                *to++ = *from;
        to += from ? 2 : 0;
    }
}

const char *option_choice(const struct option *option, int index)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, cut_choices);
    const char *name = choice_names[option - options];
    for (int i = 0; name && *name && index >= 0; i++, name += strlen(name) + 1)
        if (i == index)
            return name;
    return NULL;
}

/* Number of a choice, -1 if it is none. */
int option_choice_index(const struct option *option, const char *text)
{
    const char *name;
    for (int i = 0; (name = option_choice(option, i)); i++)
        if (!strcmp(name, text))
            return i;
    return -1;
}

int config_key(size_t index, struct config_key *key)
{
    if (index >= option_count)
        return -1;
    const struct option *o = &options[index];
    *key = (struct config_key){
        .section = o->section,
        .name = o->key,
        .help = o->help,
        .words = o->type == OPTION_AUTO || o->type == OPTION_BYTES ? "auto"
                 : o->type == OPTION_SET                           ? "all | none"
                 : o->type == OPTION_DURATION                      ? "none"
                                                                   : NULL,
        .choices = o->choices,
        .is_path = o->type == OPTION_INPUT || o->type == OPTION_INPUTS || o->type == OPTION_OUTPUT,
    };
    return 0;
}
