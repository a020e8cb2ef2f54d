/* SPDX-License-Identifier: MIT */
/* The table of all keys, made of options.def, and the names of their choices. */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "config/option.h"

/* --- the table */

#define SECTION(name, help) {#name, help},
#define END(name)
#define TEXT(s, key, resume, def, help)
#define INPUT(s, key, resume, def, help)
#define INPUTS(s, key, resume, def, help)
#define OUTPUT(s, key, resume, def, help)
#define LIST(s, key, resume, def, help)
#define EXPRESSION(s, key, resume, def, help)
#define FIGURE(s, key, resume, def, help)
#define EXPRESSIONS(s, key, resume, def, help)
#define SET(s, key, resume, def, choices, help)
#define FLAG(s, key, resume, def, help)
#define INTEGER(s, key, resume, def, min, max, help)
#define AUTO(s, key, resume, def, min, max, help)
#define REAL(s, key, resume, def, min, max, help)
#define CHOICE(s, key, resume, def, choices, help)
#define METHOD(s, key, resume, def, choices, help)
#define DURATION(s, key, resume, def, help)
#define SPAN(s, key, resume, def, help)
#define BYTES(s, key, resume, def, help)
const struct option_section option_sections[] = {
#include "config/options.def"
};
#undef SECTION
#undef TEXT
#undef INPUT
#undef INPUTS
#undef OUTPUT
#undef LIST
#undef EXPRESSION
#undef FIGURE
#undef EXPRESSIONS
#undef SET
#undef FLAG
#undef INTEGER
#undef AUTO
#undef REAL
#undef CHOICE
#undef METHOD
#undef DURATION
#undef SPAN
#undef BYTES

#define SECTION(name, help)
#define ENTRY(type, s, key, resume, def, help, choices, min, max) \
    {OPTION_##type, OPTION_##resume, #s,  #key, def,              \
     help,          choices,         min, max,  offsetof(struct config, s.key)},
#define TEXT(s, key, resume, def, help) ENTRY(TEXT, s, key, resume, def, help, NULL, 0, 0)
#define INPUT(s, key, resume, def, help) ENTRY(INPUT, s, key, resume, def, help, NULL, 0, 0)
#define INPUTS(s, key, resume, def, help) ENTRY(INPUTS, s, key, resume, def, help, NULL, 0, 0)
#define OUTPUT(s, key, resume, def, help) ENTRY(OUTPUT, s, key, resume, def, help, NULL, 0, 0)
#define LIST(s, key, resume, def, help) ENTRY(LIST, s, key, resume, def, help, NULL, 0, 0)
#define EXPRESSION(s, key, resume, def, help) \
    ENTRY(EXPRESSION, s, key, resume, def, help, NULL, 0, 0)
#define FIGURE(s, key, resume, def, help) ENTRY(FIGURE, s, key, resume, def, help, NULL, 0, 0)
#define EXPRESSIONS(s, key, resume, def, help) \
    ENTRY(EXPRESSIONS, s, key, resume, def, help, NULL, 0, 0)
#define SET(s, key, resume, def, choices, help) ENTRY(SET, s, key, resume, def, help, choices, 0, 0)
#define FLAG(s, key, resume, def, help) ENTRY(FLAG, s, key, resume, def, help, "no | yes", 0, 0)
#define INTEGER(s, key, resume, def, min, max, help) \
    ENTRY(INTEGER, s, key, resume, def, help, NULL, min, max)
#define AUTO(s, key, resume, def, min, max, help) \
    ENTRY(AUTO, s, key, resume, def, help, NULL, min, max)
#define REAL(s, key, resume, def, min, max, help) \
    ENTRY(REAL, s, key, resume, def, help, NULL, min, max)
#define CHOICE(s, key, resume, def, choices, help) \
    ENTRY(CHOICE, s, key, resume, def, help, choices, 0, 0)
#define METHOD(s, key, resume, def, choices, help) \
    ENTRY(METHOD, s, key, resume, def, help, choices, 0, 0)
#define DURATION(s, key, resume, def, help) ENTRY(DURATION, s, key, resume, def, help, NULL, 0, 0)
#define SPAN(s, key, resume, def, help) ENTRY(SPAN, s, key, resume, def, help, NULL, 0, 0)
#define BYTES(s, key, resume, def, help) ENTRY(BYTES, s, key, resume, def, help, NULL, 0, 0)
const struct option options[] = {
#include "config/options.def"
};

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
#undef ENTRY
#define ENTRY(type, s, key, resume, def, help, choices, min, max) +sizeof(choices) + 1
static char choice_text[0
#include "config/options.def"
];
static char *choice_names[COUNT(options)]; /* "a\0b\0c\0\0" */

/* Each CHOICE and METHOD against its enumerators, when this is compiled. */
#undef ENTRY
#undef CHOICE
#define ENTRY(...)
#define NAME(enumerator, text) " | " #text
#define CHOICE(s, key, resume, def, choices, help)                              \
    _Static_assert(!__builtin_strcmp(" | " choices, CHOICES_##s##_##key(NAME)), \
                   "options.def and choices.h differ in the values of " #s "." #key);
#undef METHOD
#define METHOD CHOICE
#include "config/options.def"

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
