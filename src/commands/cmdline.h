/* SPDX-License-Identifier: MIT */
/*
 * cmdline: the command line. Two tables, of the commands and of their options; the command line is
 * parsed by them, and `-h`, `seqtrain help` and the completions of shells (completion.c) are
 * printed from them.
 */
#ifndef COMMANDS_CMDLINE_H
#define COMMANDS_CMDLINE_H

#include "commands/commands.h"

/* What an option takes, or the word behind a command. */
enum cmdline_value {
    VALUE_NONE,
    VALUE_CONFIG,  /* an INI file */
    VALUE_SETTING, /* section.key=value */
    VALUE_DEVICE,
    VALUE_FOLDER,
    VALUE_FILE,
    VALUE_FORMAT, /* of export */
    VALUE_FIXED,  /* integers of export */
    VALUE_WORD,   /* anything else */
    VALUE_COMMAND,
    VALUE_KIND, /* of a configuration that init writes */
    VALUE_SHELL,
};

struct cmdline_command {
    const char *name, *usage, *help;
    int (*run)(const struct options *options, struct error *err);
    enum cmdline_value word; /* that may stand behind it; any number of files or folders */
    int saves;               /* catches signals, to save what it has before it ends */
};

struct cmdline_option {
    int letter;       /* above 255: it has only a name */
    const char *name; /* "config" */
    enum cmdline_value value;
    const char *takes; /* what the help calls the value; NULL without one */
    unsigned commands; /* that take it: bit i is that of cmdline_commands[i] */
    const char *help;
};

/* Both end with a NULL name. An option whose meaning is another one for other commands has several
 * entries. */
extern const struct cmdline_command cmdline_commands[];
extern const struct cmdline_option cmdline_options[];

/* The names of shells that there are completions for; ends with NULL. */
extern const char *const completion_shells[];

/* Fills `options` and *command. The settings are the caller's to free, also where it fails. */
int cmdline_parse(int argc, char **argv, struct options *options,
                  const struct cmdline_command **command, struct error *err);

#endif
