/* SPDX-License-Identifier: MIT */
#include "commands/cmdline.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "util/near.h"

/* Places in cmdline_commands. */
enum {
    INIT,
    TRAIN,
    SWEEP,
    CHECK,
    DATA,
    EVALUATE,
    ENCODE,
    PREDICT,
    GENERATE,
    MERGE,
    COMPRESS,
    EXPORT,
    TOKENIZE,
    REPORT,
    COMPARE,
    DEVICES,
    HELP,
    COMPLETION,
    COMMANDS
};

const struct cmdline_command cmdline_commands[COMMANDS + 1] = {
    [INIT] = {"init", "init [KIND] --data FILE [options]",
              "Write a commented configuration for data of yours.", command_init, VALUE_KIND, 0},
    [TRAIN] = {"train", "[train] -c FILE | --from CKPT [options]",
               "Train a model and draw the pictures of the best one.", command_train, .saves = 1},
    [SWEEP] = {"sweep", "sweep -c FILE [--list | --run N | --status | --best] [options]",
               "Train the runs that a file with [sweep] stands for.", command_sweep, .saves = 1},
    [CHECK] = {"check", "check -c FILE [options]",
               "Check configuration, data and device; train nothing.", command_check, VALUE_NONE,
               0},
    [DATA] = {"data", "data -c FILE [options] | -m CKPT --features [options]",
              "Show what the data looks like, or print its features.", command_data, VALUE_NONE, 0},
    [EVALUATE] = {"evaluate", "evaluate [-c FILE] [-m CKPT] [options]",
                  "Print the metrics of a trained model as JSON.", command_evaluate, VALUE_NONE, 0},
    [ENCODE] = {"encode", "encode [-c FILE] [-m CKPT] [-i CSV] [options]",
                "Print latent vectors and categories as CSV.", command_encode, VALUE_NONE, 0},
    [PREDICT] = {"predict", "predict [-c FILE] [-m CKPT] [-i CSV|-i -|--follow CSV] [options]",
                 "Print predictions or reconstructions as CSV.", command_predict, VALUE_NONE, 0},
    [GENERATE] = {"generate", "generate [-c FILE] [-m CKPT] -p TEXT | -i FILE [options]",
                  "Go on with texts by a language model.", command_generate, VALUE_NONE, 0},
    [MERGE] = {"merge", "merge [-c FILE] [-m CKPT] -o FILE",
               "Fold a model's adapter into its weights.", command_merge, VALUE_NONE, 0},
    [COMPRESS] = {"compress", "compress -m CKPT [-o DIR] [--keep PART] [options]",
                  "Leave units of a model out, and train the rest on.", command_compress,
                  .saves = 1},
    [EXPORT] = {"export", "export [-c FILE] [-m CKPT] --format FORMAT [-o FILE]",
                "Write a trained model for other programs: ONNX, NAM or C.", command_export,
                VALUE_NONE, 0},
    [TOKENIZE] = {"tokenize", "tokenize [-t FILE | -m CKPT | --train] [options] [FILE...]",
                  "Print texts as the numbers of their tokens, or make a tokenizer.",
                  command_tokenize, VALUE_FILE, 0},
    [REPORT] = {"report", "report RUN [-o FILE.html]", "Write a run as one page of HTML.",
                command_report, VALUE_FOLDER, 0},
    [COMPARE] = {"compare", "compare RUN RUN ... [-o FILE.png]",
                 "Show the figures of several runs beside each other.", command_compare,
                 VALUE_FOLDER, 0},
    [DEVICES] = {"devices", "devices [-d SPEC] [-v | --test]",
                 "List OpenCL devices and say which one is picked.", command_devices, VALUE_NONE,
                 0},
    [HELP] = {"help", "help [COMMAND]", "Tell what a command does and takes.", command_help,
              VALUE_COMMAND, 0},
    [COMPLETION] = {"completion", "completion bash|zsh|fish",
                    "Print a shell's completions of this command line.", command_completion,
                    VALUE_SHELL, 0},
};

enum {
    OPTION_OVERWRITE = 256,
    OPTION_DATA,
    OPTION_GRADIENTS,
    OPTION_PLAN,
    OPTION_ROOFLINE,
    OPTION_PROFILE,
    OPTION_LIST,
    OPTION_RUN,
    OPTION_STATUS,
    OPTION_BEST,
    OPTION_ALL,
    OPTION_COUNT,
    OPTION_DECODE,
    OPTION_SPECIAL,
    OPTION_TRAIN,
    OPTION_VOCABULARY,
    OPTION_KIND,
    OPTION_TOKENS,
    OPTION_TEMPERATURE,
    OPTION_TOP_K,
    OPTION_TOP_P,
    OPTION_REPETITION,
    OPTION_STOP,
    OPTION_SEED,
    OPTION_FORMAT,
    OPTION_STATE,
    OPTION_FIXED,
    OPTION_GOLDEN,
    OPTION_FEATURES,
    OPTION_FOLLOW,
    OPTION_TEST,
    OPTION_FROM,
    OPTION_REFIT,
    OPTION_KEEP,
};

#define ON(command) (1u << (command))
#define APPLYING (ON(EVALUATE) | ON(ENCODE) | ON(PREDICT))
#define USING (APPLYING | ON(GENERATE) | ON(EXPORT))
#define CONFIGURED (ON(TRAIN) | ON(SWEEP) | ON(CHECK) | ON(DATA) | USING)
#define ALL (ON(COMMANDS) - 1)

const struct cmdline_option cmdline_options[] = {
    {'c', "config", VALUE_CONFIG, "FILE", CONFIGURED | ON(MERGE),
     "configuration, see seqtrain.ini(5)"},
    {OPTION_DATA, "data", VALUE_FILE, "FILE", ON(INIT), "file, folder or glob of your data"},
    {'s', "set", VALUE_SETTING, "SECTION.KEY=VALUE",
     CONFIGURED | ON(MERGE) | ON(INIT) | ON(COMPRESS), "set a key (repeatable)"},
    {'d', "device", VALUE_DEVICE, "SPEC",
     USING | ON(TRAIN) | ON(SWEEP) | ON(DEVICES) | ON(COMPRESS),
     "auto, cpu, gpu, an index, part of a name"},
    {'d', "device", VALUE_DEVICE, "SPEC", ON(CHECK), "the same, or none: plan without OpenCL"},
    {'o', "output", VALUE_FOLDER, "DIR", ON(TRAIN) | ON(COMPRESS), "run folder"},
    {'o', "output", VALUE_FOLDER, "DIR", ON(DATA), "run folder; with --features: the file"},
    {'o', "output", VALUE_FOLDER, "DIR", ON(SWEEP), "folder of the sweep; with --best: the file"},
    {'o', "output", VALUE_FILE, "FILE", USING | ON(TOKENIZE),
     "write this file, not standard output"},
    {'o', "output", VALUE_FILE, "FILE", ON(MERGE), "checkpoint or folder to write"},
    {'o', "output", VALUE_FILE, "FILE", ON(REPORT), "page to write; report.html in the folder"},
    {'o', "output", VALUE_FILE, "FILE", ON(COMPARE), "picture to draw"},
    {'o', "output", VALUE_FILE, "FILE", ON(INIT), "file to write (KIND.ini); - prints it"},
    {'r', "resume", VALUE_NONE, NULL, ON(TRAIN) | ON(COMPRESS),
     "go on from the run folder's last checkpoint"},
    {OPTION_FROM, "from", VALUE_FILE, "CKPT", ON(TRAIN), "go on from a checkpoint with other data"},
    {OPTION_REFIT, "refit", VALUE_NONE, NULL, ON(TRAIN),
     "with --from: fit scaler and transforms anew"},
    {OPTION_KEEP, "keep", VALUE_WORD, "PART", ON(COMPRESS), "part of the units that stays (0.5)"},
    {OPTION_LIST, "list", VALUE_NONE, NULL, ON(SWEEP), "print a command for each run"},
    {OPTION_RUN, "run", VALUE_WORD, "N", ON(SWEEP), "train run N, or go on with it"},
    {OPTION_STATUS, "status", VALUE_NONE, NULL, ON(SWEEP), "tell where each run stands"},
    {OPTION_BEST, "best", VALUE_NONE, NULL, ON(SWEEP), "print the best run's configuration"},
    {OPTION_ALL, "all", VALUE_NONE, NULL, ON(CHECK), "check each run of a sweep"},
    {OPTION_OVERWRITE, "overwrite", VALUE_NONE, NULL, ON(TRAIN) | ON(SWEEP) | ON(COMPRESS),
     "start afresh in an occupied run folder"},
    {OPTION_OVERWRITE, "overwrite", VALUE_NONE, NULL, ON(INIT), "replace a file that is there"},
    {'m', "model", VALUE_FILE, "CKPT", USING | ON(MERGE) | ON(TOKENIZE) | ON(DATA) | ON(COMPRESS),
     "checkpoint, or folder of a run or model"},
    {'i', "input", VALUE_FILE, "CSV", ON(EVALUATE) | ON(ENCODE) | ON(DATA),
     "data, instead of the configuration's"},
    {'i', "input", VALUE_FILE, "CSV", ON(PREDICT), "the same; - is standard input, row by row"},
    {'i', "input", VALUE_FILE, "FILE", ON(GENERATE), "texts, a line each; - is standard input"},
    {OPTION_FOLLOW, "follow", VALUE_FILE, "CSV", ON(PREDICT),
     "answer rows as they are added to this file"},
    {'t', "tokenizer", VALUE_FILE, "FILE", ON(TOKENIZE), "tokenizer.json"},
    {OPTION_COUNT, "count", VALUE_NONE, NULL, ON(TOKENIZE), "print how many tokens there are"},
    {OPTION_DECODE, "decode", VALUE_NONE, NULL, ON(TOKENIZE), "numbers in, text out"},
    {OPTION_SPECIAL, "special", VALUE_NONE, NULL, ON(TOKENIZE),
     "with the tokens that frame a whole text"},
    {OPTION_TRAIN, "train", VALUE_NONE, NULL, ON(TOKENIZE), "make a tokenizer.json of the texts"},
    {OPTION_VOCABULARY, "vocabulary", VALUE_WORD, "N", ON(TOKENIZE), "tokens that it is to have"},
    {OPTION_KIND, "kind", VALUE_WORD, "KIND", ON(TOKENIZE), "how it parts texts: gpt2 or qwen"},
    {'p', "prompt", VALUE_WORD, "TEXT", ON(GENERATE), "the text to go on with"},
    {OPTION_TOKENS, "tokens", VALUE_WORD, "N", ON(GENERATE), "write at most N tokens (256)"},
    {OPTION_TEMPERATURE, "temperature", VALUE_WORD, "T", ON(GENERATE),
     "0: the most probable token; 1: as expected"},
    {OPTION_TOP_K, "top-k", VALUE_WORD, "K", ON(GENERATE), "of the K most probable ones (0: all)"},
    {OPTION_TOP_P, "top-p", VALUE_WORD, "P", ON(GENERATE),
     "of the most probable ones that have P (1)"},
    {OPTION_REPETITION, "repetition", VALUE_WORD, "R", ON(GENERATE),
     "above 1: what was there less often (1)"},
    {OPTION_STOP, "stop", VALUE_WORD, "TEXT", ON(GENERATE), "end in front of this text"},
    {OPTION_SEED, "seed", VALUE_WORD, "N", ON(GENERATE), "of the random numbers (1)"},
    {OPTION_FORMAT, "format", VALUE_FORMAT, "FORMAT", ON(EXPORT), "of the file: onnx, nam or c"},
    {OPTION_STATE, "state", VALUE_NONE, NULL, ON(EXPORT),
     "states of recurrent layers go in and out"},
    {OPTION_FIXED, "fixed", VALUE_FIXED, "FORM", ON(EXPORT),
     "with --format c: integers, w16a16 or w8a16"},
    {OPTION_GOLDEN, "golden", VALUE_WORD, "ROWS", ON(EXPORT),
     "with --fixed: rows to check the file by (64)"},
    {OPTION_FEATURES, "features", VALUE_NONE, NULL, ON(DATA), "print the rows that models read"},
    {OPTION_GRADIENTS, "gradients", VALUE_NONE, NULL, ON(CHECK),
     "compare gradients with central differences"},
    {OPTION_PLAN, "plan", VALUE_NONE, NULL, ON(CHECK), "print every launch and the memory map"},
    {OPTION_ROOFLINE, "roofline", VALUE_WORD, "CARD", ON(CHECK),
     "model the time of a step on this card"},
    {OPTION_PROFILE, "profile", VALUE_NONE, NULL, ON(TRAIN),
     "measure launches, tell where the time went"},
    {OPTION_TEST, "test", VALUE_NONE, NULL, ON(DEVICES), "try known answers on each device"},
    {'q', "quiet", VALUE_NONE, NULL, CONFIGURED | ON(MERGE) | ON(REPORT) | ON(INIT) | ON(COMPRESS),
     "only warnings and errors"},
    {'v', "verbose", VALUE_NONE, NULL, CONFIGURED | ON(DEVICES) | ON(INIT) | ON(COMPRESS), "more"},
    {'h', "help", VALUE_NONE, NULL, ALL, "this"},
    {'V', "version", VALUE_NONE, NULL, ALL, "the version"},
    {0, NULL, VALUE_NONE, NULL, 0, NULL},
};
#define OPTIONS (sizeof cmdline_options / sizeof *cmdline_options)

/* --- help */

/* "  -c, --config FILE   configuration". */
static void put_option(const struct cmdline_option *o)
{
    char names[64];
    snprintf(names, sizeof names, "--%s%s%s", o->name, o->takes ? " " : "",
             o->takes ? o->takes : "");
    printf("  %c%c%s%-28s  %s\n", o->letter < 256 ? '-' : ' ', o->letter < 256 ? o->letter : ' ',
           o->letter < 256 ? ", " : "  ", names, o->help);
}

/* One screen: the commands. */
static void put_overview(void)
{
    puts("usage: seqtrain [train] -c FILE [options]\n       seqtrain COMMAND "
         "[options]\n\ncommands:");
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++)
        printf("  %-12s%s\n", c->name, c->help);
    puts("\n'seqtrain COMMAND -h' tells about the options of a command.");
}

static void put_help(const struct cmdline_command *c)
{
    unsigned bit = ON(c - cmdline_commands);
    printf("usage: seqtrain %s\n\n%s\n\n", c->usage, c->help);
    for (const struct cmdline_option *o = cmdline_options; o->name; o++)
        if (o->commands & bit)
            put_option(o);
}

/* --- parsing */

/* The command called `word`; NULL with `err` set, and with the name that may be meant. */
static const struct cmdline_command *find_command(const char *word, struct error *err)
{
    char all[160] = "";
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (const struct cmdline_command *c = cmdline_commands; c->name; c++) {
        if (!strcmp(word, c->name))
            return c;
        if (near_is_nearer(word, c->name, &best))
            near = c->name;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? ", " : "", c->name);
    }
    error_set(err, STATUS_USAGE, "'%s' is no command: %s%s%s%s", word, all,
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

int command_help(const struct options *options, struct error *err)
{
    const struct cmdline_command *c = options->word ? find_command(options->word, err) : NULL;
    if (options->word && !c)
        return -1;
    if (c)
        put_help(c);
    else
        put_overview();
    return 0;
}

static int command_version(const struct options *options, struct error *err)
{
    (void)options;
    (void)err;
    puts("seqtrain " PACKAGE_VERSION);
    return 0;
}

static int add_setting(struct options *o, const char *key, const char *value, struct error *err)
{
    char **more = realloc(o->settings, (o->setting_count + 1) * sizeof *more);
    char *text = NULL;
    if (more)
        o->settings = more;
    if (!more || asprintf(&text, "%s%s", key, value) < 0)
        return error_set(err, STATUS_FAILED, "out of memory");
    o->settings[o->setting_count++] = text;
    return 0;
}

/* "--sed" is near --set. */
static const char *near_option(const char *word)
{
    char name[64];
    const char *near = NULL;
    size_t best = SIZE_MAX;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (const struct cmdline_option *o = cmdline_options; o->name; o++)
        if (near_is_nearer(name, o->name, &best))
            near = o->name;
    return near;
}

/* What getopt_long did not take: `word` is the latest one, known only by options of whole words. */
static int bad_option(int answer, const char *letters, const char *word, struct error *err)
{
    if (answer == ':')
        return error_set(err, STATUS_USAGE, "-%c needs a value; see 'seqtrain -h'", optopt);
    if (!optopt) {
        const char *near = near_option(word);
        return error_set(err, STATUS_USAGE, "'%s' is no option; see 'seqtrain -h'%s%s%s", word,
                         near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
    }
    if (optopt > 255 || strchr(letters, optopt))
        return error_set(err, STATUS_USAGE, "'%s': the option takes no value", word);
    return error_set(err, STATUS_USAGE, "'-%c' is no option; see 'seqtrain -h'", optopt);
}

/* "-c", or "--plan". */
static const char *option_name(const struct cmdline_option *o, char out[32])
{
    if (o->letter < 256)
        snprintf(out, 32, "-%c", o->letter);
    else
        snprintf(out, 32, "--%s", o->name);
    return out;
}

/* What an option says; -o waits until the command is known. */
static int take_option(struct options *o, int letter, const char *value, struct error *err)
{
    switch (letter) {
    case 'c':
        o->config = value;
        break;
    case 's':
        return add_setting(o, "", value, err);
    case 'd':
        return add_setting(o, "device.select=", value, err);
    case 'o':
        o->output = value;
        break;
    case 'r':
        o->resume = 1;
        break;
    case 'm':
        o->model = value;
        break;
    case 'i':
        o->input = value;
        break;
    case 'q':
        o->verbosity = LOG_QUIET;
        break;
    case 'v':
        o->verbosity = LOG_VERBOSE;
        break;
    case OPTION_DATA:
        o->input = value;
        break;
    case OPTION_OVERWRITE:
        o->overwrite = 1;
        break;
    case OPTION_GRADIENTS:
        o->gradients = 1;
        break;
    case OPTION_PLAN:
        o->plan = 1;
        break;
    case OPTION_ROOFLINE:
        o->roofline = value;
        break;
    case OPTION_PROFILE:
        o->profile = 1;
        break;
    case OPTION_LIST:
        o->list = 1;
        break;
    case OPTION_RUN:
        o->run = value;
        break;
    case OPTION_STATUS:
        o->status = 1;
        break;
    case OPTION_BEST:
        o->best = 1;
        break;
    case OPTION_ALL:
        o->all = 1;
        break;
    case 't':
        o->tokenizer = value;
        break;
    case OPTION_COUNT:
        o->count = 1;
        break;
    case OPTION_DECODE:
        o->decode = 1;
        break;
    case OPTION_SPECIAL:
        o->special = 1;
        break;
    case OPTION_TRAIN:
        o->train = 1;
        break;
    case OPTION_VOCABULARY:
        o->vocabulary = value;
        break;
    case OPTION_KIND:
        o->kind = value;
        break;
    case 'p':
        o->prompt = value;
        break;
    case OPTION_TOKENS:
        o->tokens = value;
        break;
    case OPTION_TEMPERATURE:
        o->temperature = value;
        break;
    case OPTION_TOP_K:
        o->top_k = value;
        break;
    case OPTION_TOP_P:
        o->top_p = value;
        break;
    case OPTION_REPETITION:
        o->repetition = value;
        break;
    case OPTION_STOP:
        o->stop = value;
        break;
    case OPTION_SEED:
        o->seed = value;
        break;
    case OPTION_FORMAT:
        o->format = value;
        break;
    case OPTION_FEATURES:
        o->features = 1;
        break;
    case OPTION_STATE:
        o->state = 1;
        break;
    case OPTION_FIXED:
        o->fixed = value;
        break;
    case OPTION_GOLDEN:
        o->golden = value;
        break;
    case OPTION_FOLLOW:
        o->follow = value;
        break;
    case OPTION_TEST:
        o->test = 1;
        break;
    case OPTION_FROM:
        o->from = value;
        break;
    case OPTION_REFIT:
        o->refit = 1;
        break;
    case OPTION_KEEP:
        o->keep = value;
        break;
    default:
        break;
    }
    return 0;
}

/* Options as getopt_long wants them: 'letters' has room for three a row and the two ends. */
static void make_getopt(struct option *longs, char *letters)
{
    *letters++ = ':';
    for (const struct cmdline_option *o = cmdline_options; o->name; o++) {
        *longs++ =
            (struct option){o->name, o->takes ? required_argument : no_argument, NULL, o->letter};
        if (o->letter < 256 && (o == cmdline_options || o[-1].letter != o->letter)) {
            *letters++ = (char)o->letter;
            if (o->takes)
                *letters++ = ':';
        }
    }
    *letters = 0;
    *longs = (struct option){0};
}

/* All options; given[i] is what option i of the table came with, "" for nothing. */
static int take_options(int argc, char **argv, struct options *o, const char *given[OPTIONS],
                        struct error *err)
{
    struct option longs[OPTIONS];
    char letters[3 * OPTIONS], name[32];
    int letter;
    make_getopt(longs, letters);
    opterr = 0;
    while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (letter == '?' || letter == ':')
            return bad_option(letter, letters, argv[optind - 1], err);
        size_t i = 0;
        while (cmdline_options[i].letter != letter)
            i++;
        if (given[i] && cmdline_options[i].takes && letter != 's')
            return error_set(err, STATUS_USAGE, "%s is given twice: '%s' and '%s'",
                             option_name(&cmdline_options[i], name), given[i], optarg);
        given[i] = optarg ? optarg : "";
        if (take_option(o, letter, optarg, err))
            return -1;
    }
    return 0;
}

/* The command takes each option that was given. */
static int check_options(const struct cmdline_command *command, const char *const given[OPTIONS],
                         struct error *err)
{
    unsigned bit = ON(command - cmdline_commands);
    char name[32];
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct cmdline_option *o = &cmdline_options[i];
        unsigned takers = o->commands;
        for (size_t k = i + 1; given[i] && cmdline_options[k].letter == o->letter; k++)
            takers |= cmdline_options[k].commands;
        if (given[i] && !(takers & bit))
            return error_set(err, STATUS_USAGE, "%s takes no %s; see 'seqtrain %s -h'",
                             command->name, option_name(o, name), command->name);
    }
    return 0;
}

static int was_given(const char *const given[OPTIONS], int letter)
{
    for (size_t i = 0; cmdline_options[i].name; i++)
        if (cmdline_options[i].letter == letter && given[i])
            return 1;
    return 0;
}

int cmdline_parse(int argc, char **argv, struct options *o, const struct cmdline_command **command,
                  struct error *err)
{
    static const struct cmdline_command version = {"version",       NULL,       NULL,
                                                   command_version, VALUE_NONE, 0};
    const char *given[OPTIONS] = {NULL};
    if (argc < 2)
        return error_set(err, STATUS_USAGE,
                         "train needs -c FILE; 'seqtrain help' lists the commands");
    o->verbosity = LOG_NORMAL;
    *command = &cmdline_commands[TRAIN];
    if (take_options(argc, argv, o, given, err))
        return -1;
    int named = optind < argc;
    if (was_given(given, 'V')) {
        *command = &version;
        return 0;
    }
    if (named && !(*command = find_command(argv[optind++], err)))
        return -1;
    if (was_given(given, 'h')) {
        o->word = named ? (*command)->name : NULL;
        *command = &cmdline_commands[HELP];
        return 0;
    }
    if ((*command)->word == VALUE_FILE || (*command)->word == VALUE_FOLDER) {
        o->files = argv + optind;
        o->file_count = (size_t)(argc - optind);
        optind = argc;
    }
    if (optind < argc && (*command)->word)
        o->word = argv[optind++];
    if (optind < argc)
        return error_set(err, STATUS_USAGE, "'%s' is one word too many", argv[optind]);
    if (check_options(*command, given, err))
        return -1;
    if (o->resume && o->overwrite)
        return error_set(err, STATUS_USAGE, "--resume and --overwrite exclude each other");
    if (o->output && !o->best && !o->features &&
        ON(*command - cmdline_commands) & (ON(TRAIN) | ON(SWEEP) | ON(DATA) | ON(COMPRESS))) {
        const char *folder = o->output;
        o->output = NULL;
        return add_setting(
            o, *command == &cmdline_commands[SWEEP] ? "sweep.output=" : "run.output=", folder, err);
    }
    return 0;
}
