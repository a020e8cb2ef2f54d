/* SPDX-License-Identifier: MIT */
/*
 * seqtrain completion: what bash, zsh and fish complete of this command line, as scripts for them.
 * Commands and options come from the tables of cmdline.h, keys and their values from options.def.
 */
#include <string.h>

#include "commands/cmdline.h"
#include "export/export.h"
#include "propose/propose.h"

const char *const completion_shells[] = {"bash", "zsh", "fish", NULL};

/* In single quotes, between which \ means something to fish only. */
static void put_quoted(const char *text, int fish)
{
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs(fish ? "\\'" : "'\\''", stdout);
        else if (*text == '\\' && fish)
            fputs("\\\\", stdout);
        else
            putchar(*text);
    putchar('\'');
}

/* Each of "a | b | c" with what stands before and behind it. */
static void put_each(const char *choices, const char *before, const char *behind)
{
    while (choices && *choices) {
        size_t n = strcspn(choices, " |");
        printf("%s%.*s%s", before, (int)n, choices, behind);
        choices += n;
        choices += strspn(choices, " |");
    }
}

/* Values of a key, each with a blank before it. */
static void put_values(const struct config_key *key)
{
    put_each(key->words, " ", "");
    put_each(key->choices, " ", "");
}

static int takes(const struct cmdline_option *o, const struct cmdline_command *c)
{
    return (o->commands >> (c - cmdline_commands) & 1) != 0;
}

static const char *devices(const struct cmdline_command *c)
{
    return c->run == command_check ? "auto | cpu | gpu | none" : "auto | cpu | gpu";
}

/* The option's names: "-c|--config". */
static void put_names(const struct cmdline_option *o, const char *between)
{
    if (o->letter < 256)
        printf("-%c%s", o->letter, between);
    printf("--%s", o->name);
}

/* Whether an option of export takes one of some names. */
static int is_named(const struct cmdline_option *o)
{
    return o->value == VALUE_FORMAT || o->value == VALUE_FIXED;
}

/* These names, with blanks between them. */
static void put_formats(const struct cmdline_option *o)
{
    if (o->value == VALUE_FIXED)
        fputs("w16a16 w8a16", stdout);
    for (size_t i = 0; o->value == VALUE_FORMAT && export_formats[i]; i++)
        printf("%s%s", i ? " " : "", export_formats[i]->name);
}

/* Options that take a value, as a pattern of a shell's case. */
static void put_valued(const char *between)
{
    const char *before = "";
    for (const struct cmdline_option *o = cmdline_options; o->name; o++)
        if (o->takes) {
            fputs(before, stdout);
            put_names(o, between);
            before = between;
        }
}

static void put_commands(const char *between)
{
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++)
        printf("%s%s", c > cmdline_commands ? between : "", c->name);
}

static void put_words(const char *const words[])
{
    for (size_t i = 0; words[i]; i++)
        printf("%s%s", i ? " " : "", words[i]);
}

/* --- bash */

/* What bash completes a value with: lines of its case. */
static const char *bash_action(enum cmdline_value value)
{
    switch (value) {
    case VALUE_CONFIG:
        return "_seqtrain_files \"$cur\" '!*.ini'";
    case VALUE_SETTING:
        return "_seqtrain_setting \"$cur\"";
    case VALUE_DEVICE:
        return "COMPREPLY=($(compgen -W \"$devices\" -- \"$cur\"))";
    case VALUE_FOLDER:
        return "_seqtrain_files \"$cur\" '*'";
    case VALUE_FILE:
        return "_seqtrain_files \"$cur\" ''";
    default:
        return ":";
    }
}

static void put_bash_keys(void)
{
    struct config_key key;
    puts("_seqtrain_setting()\n{\n    local cur=${1#*=}\n    case $1 in");
    for (size_t i = 0; !config_key(i, &key); i++)
        if (key.is_path)
            printf("    %s.%s=*) _seqtrain_files \"$cur\" '' ;;\n", key.section, key.name);
        else if (key.words || key.choices) {
            printf("    %s.%s=*) COMPREPLY=($(compgen -W \"", key.section, key.name);
            put_values(&key);
            puts("\" -- \"$cur\")) ;;");
        }
    puts("    *=*) ;;\n    *)\n        compopt -o nospace 2>/dev/null\n"
         "        COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; !config_key(i, &key); i++)
        printf("            %s.%s=\n", key.section, key.name);
    puts("        \" -- \"$1\"))\n        ;;\n    esac\n}\n");
}

static void put_bash_command(const struct cmdline_command *c)
{
    printf("    %s)\n        options='", c->name);
    for (const struct cmdline_option *o = cmdline_options; o->name; o++)
        if (takes(o, c)) {
            put_names(o, " ");
            putchar(' ');
        }
    printf("'\n        takes_files=%s devices='", c->word == VALUE_FILE     ? "1"
                                                  : c->word == VALUE_FOLDER ? "folders"
                                                                            : "");
    put_each(devices(c), "", " ");
    printf("'\n        case $prev in\n");
    for (const struct cmdline_option *o = cmdline_options; o->name; o++)
        if (takes(o, c) && o->takes) {
            fputs("        ", stdout);
            put_names(o, "|");
            if (is_named(o)) {
                fputs(") COMPREPLY=($(compgen -W \"", stdout);
                put_formats(o);
                puts("\" -- \"$cur\")); done=1 ;;");
            } else
                printf(") %s; done=1 ;;\n", bash_action(o->value));
        }
    puts("        esac\n        ;;");
}

static void put_bash(void)
{
    puts("# bash completion of seqtrain " PACKAGE_VERSION
         ", printed by `seqtrain completion bash`.\n"
         "# _seqtrain_files WORD PATTERN: folders, and files that do not fit the pattern.\n"
         "_seqtrain_files()\n{\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    mapfile -t COMPREPLY < <(compgen -d -- \"$1\"; compgen -f -X \"$2\" -- \"$1\" |\n"
         "        while IFS= read -r file; do [ -d \"$file\" ] || echo \"$file\"; done)\n"
         "}\n");
    put_bash_keys();
    fputs("_seqtrain()\n{\n"
          "    local line=${COMP_LINE:0:COMP_POINT} command=train named= done= options= devices= "
          "takes_files=\n"
          "    local words cur prev i\n"
          "    local IFS=$' \\t\\n'\n"
          "    read -ra words <<<\"$line\"\n"
          "    [[ $line == *[[:space:]] ]] && words+=('')\n"
          "    for ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
          "        case ${words[i]} in\n        ",
          stdout);
    put_valued("|");
    fputs(") i=$((i + 1)) ;;\n        ", stdout);
    put_commands("|");
    fputs(") command=${words[i]} named=1; break ;;\n"
          "        esac\n    done\n"
          "    cur=${words[-1]} prev=${words[-2]}\n"
          "    local before=${cur%\"${cur##*=}\"}\n"
          "    [[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=}\n"
          "    COMPREPLY=()\n"
          "    case $command in\n",
          stdout);
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++)
        put_bash_command(c);
    fputs("    esac\n"
          "    if [ -n \"$done\" ]; then\n        :\n"
          "    elif [[ $cur == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
          "    elif [[ -z $named || $prev == help ]]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    put_commands(" ");
    fputs("\" -- \"$cur\"))\n"
          "    elif [[ $prev == completion ]]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    put_words(completion_shells);
    fputs("\" -- \"$cur\"))\n"
          "    elif [[ $prev == init ]]; then\n"
          "        COMPREPLY=($(compgen -W \"",
          stdout);
    put_words(propose_kinds);
    fputs("\" -- \"$cur\"))\n"
          "    elif [[ $takes_files == folders ]]; then\n        _seqtrain_files \"$cur\" '*'\n"
          "    elif [[ -n $takes_files ]]; then\n        _seqtrain_files \"$cur\" ''\n    fi\n",
          stdout);
    puts("    # where = ends a word, only what is behind it is replaced\n"
         "    if [[ -n $before && $COMP_WORDBREAKS != *=* ]]; then\n"
         "        COMPREPLY=(\"${COMPREPLY[@]/#/$before}\")\n    fi\n}\n"
         "complete -F _seqtrain seqtrain");
}

/* --- zsh */

static const char *zsh_action(enum cmdline_value value)
{
    switch (value) {
    case VALUE_CONFIG:
        return "_files -g \"*.ini\"";
    case VALUE_SETTING:
        return "_seqtrain_setting";
    case VALUE_FOLDER:
        return "_files -/";
    case VALUE_FILE:
        return "_files";
    default:
        return "";
    }
}

/* "'(-c --config)'{-c+,--config=}'[what it is]:FILE:action'" */
static void put_zsh_option(const struct cmdline_option *o, const struct cmdline_command *c)
{
    if (o->value == VALUE_SETTING)
        printf(" \\\n            \\*{-%c+,--%s=}", o->letter, o->name);
    else if (o->letter < 256)
        printf(" \\\n            '(-%c --%s)'{-%c%s,--%s%s}", o->letter, o->name, o->letter,
               o->takes ? "+" : "", o->name, o->takes ? "=" : "");
    else
        printf(" \\\n            --%s%s", o->name, o->takes ? "=" : "");
    char help[128];
    snprintf(help, sizeof help, "[%s]", o->help);
    put_quoted(help, 0);
    if (!o->takes)
        return;
    printf("':%s:", o->takes);
    if (o->value == VALUE_DEVICE) {
        putchar('(');
        put_each(devices(c), "", " ");
        putchar(')');
    } else if (is_named(o)) {
        putchar('(');
        put_formats(o);
        putchar(')');
    } else
        fputs(zsh_action(o->value), stdout);
    putchar('\'');
}

static void put_zsh_keys(void)
{
    struct config_key key;
    puts("_seqtrain_setting()\n{\n    local key=${PREFIX%%=*}\n"
         "    if [[ $PREFIX != *=* ]]; then\n"
         "        local -a keys=(");
    for (size_t i = 0; !config_key(i, &key); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s.%s=:%s", key.section, key.name, key.help);
        fputs("            ", stdout);
        put_quoted(text, 0);
        putchar('\n');
    }
    puts("        )\n        _describe -t keys key keys -S ''\n        return\n    fi\n"
         "    compset -P '*='\n    case $key in");
    for (size_t i = 0; !config_key(i, &key); i++)
        if (key.is_path)
            printf("    (%s.%s) _files ;;\n", key.section, key.name);
        else if (key.words || key.choices) {
            printf("    (%s.%s) compadd --", key.section, key.name);
            put_values(&key);
            puts(" ;;");
        }
    puts("    esac\n}\n");
}

static void put_zsh_word(const struct cmdline_command *c)
{
    fputs(" \\\n            '1:command:_seqtrain_commands'", stdout);
    if (c->word == VALUE_COMMAND)
        fputs(" \\\n            '2:command:_seqtrain_commands'", stdout);
    else if (c->word == VALUE_FILE)
        fputs(" \\\n            '*:file:_files'", stdout);
    else if (c->word == VALUE_FOLDER)
        fputs(" \\\n            '*:folder:_files -/'", stdout);
    else if (c->word == VALUE_SHELL) {
        fputs(" \\\n            '2:shell:(", stdout);
        put_words(completion_shells);
        fputs(")'", stdout);
    } else if (c->word == VALUE_KIND) {
        fputs(" \\\n            '2:kind:(", stdout);
        put_words(propose_kinds);
        fputs(")'", stdout);
    }
}

static void put_zsh(void)
{
    puts("#compdef seqtrain\n# zsh completion of seqtrain " PACKAGE_VERSION
         ", printed by `seqtrain completion zsh`.\n"
         "_seqtrain_commands()\n{\n    local -a commands=(");
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++) {
        char text[128];
        snprintf(text, sizeof text, "%s:%s", c->name, c->help);
        fputs("        ", stdout);
        put_quoted(text, 0);
        putchar('\n');
    }
    puts("    )\n    _describe -t commands command commands\n}\n");
    put_zsh_keys();
    fputs("_seqtrain()\n{\n    local command=train i\n"
          "    for ((i = 2; i < CURRENT; i++)); do\n        case $words[i] in\n        (",
          stdout);
    put_valued("|");
    fputs(") ((i++)) ;;\n        (", stdout);
    put_commands("|");
    puts(") command=$words[i]; break ;;\n        esac\n    done\n    case $command in");
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++) {
        printf("    (%s)\n        _arguments -s", c->name);
        for (const struct cmdline_option *o = cmdline_options; o->name; o++)
            if (takes(o, c))
                put_zsh_option(o, c);
        put_zsh_word(c);
        puts("\n        ;;");
    }
    puts("    esac\n}\n\n(( $+functions[compdef] )) && compdef _seqtrain seqtrain");
}

/* --- fish */

static void put_fish_keys(void)
{
    struct config_key key;
    puts("function __seqtrain_settings");
    for (size_t i = 0; !config_key(i, &key); i++) {
        char before[128];
        snprintf(before, sizeof before, "    echo %s.%s=", key.section, key.name);
        printf("%s\\t", before);
        put_quoted(key.help, 1);
        putchar('\n');
        put_each(key.words, before, "\n");
        put_each(key.choices, before, "\n");
    }
    puts("end\n");
}

static void put_fish_option(const struct cmdline_option *o, const struct cmdline_command *c)
{
    printf("complete -c seqtrain -n '__seqtrain_is %s' -l %s", c->name, o->name);
    if (o->letter < 256)
        printf(" -s %c", o->letter);
    if (o->value == VALUE_SETTING)
        fputs(" -x -a '(__seqtrain_settings)'", stdout);
    else if (o->value == VALUE_DEVICE) {
        fputs(" -x -a '", stdout);
        put_each(devices(c), "", " ");
        putchar('\'');
    } else if (is_named(o)) {
        fputs(" -x -a '", stdout);
        put_formats(o);
        putchar('\'');
    } else if (o->value == VALUE_FOLDER)
        fputs(" -x -a '(__fish_complete_directories)'", stdout);
    else if (o->value == VALUE_CONFIG)
        fputs(" -k -x -a '(__fish_complete_suffix .ini)'", stdout);
    else if (o->takes)
        fputs(" -r -F", stdout);
    fputs(" -d ", stdout);
    put_quoted(o->help, 1);
    putchar('\n');
}

static void put_fish(void)
{
    fputs(
        "# fish completion of seqtrain " PACKAGE_VERSION
        ", printed by `seqtrain completion fish`.\n"
        "# __seqtrain_command: the command that the line names.\n"
        "function __seqtrain_command\n"
        "    set -l skip no\n"
        "    for word in (commandline -opc)[2..-1]\n"
        "        if test $skip = yes\n            set skip no\n            continue\n        end\n"
        "        switch $word\n            case ",
        stdout);
    put_valued(" ");
    fputs("\n                set skip yes\n            case ", stdout);
    put_commands(" ");
    puts("\n                echo $word\n                return 0\n        end\n    end\n"
         "    return 1\nend\n\n"
         "function __seqtrain_is\n"
         "    set -l command (__seqtrain_command)\n"
         "    test -n \"$command\"; or set command train\n"
         "    test $command = $argv[1]\nend\n");
    put_fish_keys();
    puts("complete -c seqtrain -f");
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++) {
        printf("complete -c seqtrain -n 'not __seqtrain_command >/dev/null' -a %s -d ", c->name);
        put_quoted(c->help, 1);
        putchar('\n');
        for (const struct cmdline_option *o = cmdline_options; o->name; o++)
            if (takes(o, c))
                put_fish_option(o, c);
        if (c->word == VALUE_FILE)
            printf("complete -c seqtrain -n '__seqtrain_is %s' -F\n", c->name);
        else if (c->word == VALUE_FOLDER)
            printf(
                "complete -c seqtrain -n '__seqtrain_is %s' -a '(__fish_complete_directories)'\n",
                c->name);
        else if (c->word) {
            printf("complete -c seqtrain -n '__seqtrain_is %s' -a '", c->name);
            if (c->word == VALUE_COMMAND)
                put_commands(" ");
            else if (c->word == VALUE_KIND)
                put_words(propose_kinds);
            else
                put_words(completion_shells);
            puts("'");
        }
    }
}

int command_completion(const struct options *options, struct error *err)
{
    static void (*const put[])(void) = {put_bash, put_zsh, put_fish};
    for (size_t i = 0; options->word && completion_shells[i]; i++)
        if (!strcmp(options->word, completion_shells[i])) {
            put[i]();
            return 0;
        }
    return error_set(err, STATUS_USAGE, "completion is there for bash, zsh and fish%s%s%s",
                     options->word ? ", not for '" : "", options->word ? options->word : "",
                     options->word ? "'" : "; name one of them");
}
