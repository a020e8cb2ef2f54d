/* SPDX-License-Identifier: MIT */
/*
 * seqtrain: the command line, see seqtrain(1). The only place that exits. The locale stays "C", so
 * that numbers have a decimal point everywhere.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/now.h"

volatile sig_atomic_t interrupted;

static const struct command {
    const char *name;
    int (*run)(const struct options *options, struct error *err);
    int saves; /* catches signals, to save what it has before it ends */
} commands[] = {
    {"train", command_train, 1},       {"check", command_check, 0},
    {"evaluate", command_evaluate, 0}, {"encode", command_encode, 0},
    {"predict", command_predict, 0},   {"data", command_data, 0},
    {"devices", command_devices, 0},
};

static const char usage[] =
    "usage: seqtrain [train] -c FILE [options]\n"
    "       seqtrain check [--gradients|--plan] -c FILE [options]\n"
    "       seqtrain evaluate|encode|predict [-c FILE] [-m CKPT] [-i CSV] [options]\n"
    "       seqtrain data -c FILE [options]\n"
    "       seqtrain devices [-d SPEC]\n"
    "\n"
    "  -c, --config FILE            configuration, see seqtrain.ini(5)\n"
    "  -s, --set SECTION.KEY=VALUE  set a key (repeatable)\n"
    "  -d, --device SPEC            auto, cpu, gpu, index, or part of a name\n"
    "  -o, --output DIR             run folder\n"
    "  -r, --resume                 go on from the run folder's last checkpoint\n"
    "      --overwrite              start afresh in an occupied run folder\n"
    "  -m, --model FILE             checkpoint to use\n"
    "  -i, --input FILE             data for evaluate, encode and predict\n"
    "      --profile                measure launches and tell where the time went\n"
    "  -q, --quiet                  only warnings and errors      -v, --verbose  more\n"
    "  -h, --help                   this                          -V, --version\n";

/* A second signal of the kind ends the process at once. */
static void on_signal(int number)
{
    interrupted = number;
    signal(number, SIG_DFL);
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

enum { OPTION_OVERWRITE = 256, OPTION_GRADIENTS, OPTION_PLAN, OPTION_PROFILE };

/* What getopt_long did not take: `word` is the latest one, known only by options of whole words. */
static int bad_option(int answer, const char *letters, const char *word, struct error *err)
{
    if (answer == ':')
        return error_set(err, STATUS_USAGE, "-%c needs a value; see 'seqtrain -h'", optopt);
    if (!optopt)
        return error_set(err, STATUS_USAGE, "'%s' is no option; see 'seqtrain -h'", word);
    if (optopt > 255 || strchr(letters, optopt))
        return error_set(err, STATUS_USAGE, "'%s': the option takes no value", word);
    return error_set(err, STATUS_USAGE, "'-%c' is no option; see 'seqtrain -h'", optopt);
}

/* 1: something was printed and there is nothing left to do. */
static int parse(int argc, char **argv, struct options *o, const struct command **command,
                 struct error *err)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"device", required_argument, NULL, 'd'},
        {"output", required_argument, NULL, 'o'},
        {"resume", no_argument, NULL, 'r'},
        {"model", required_argument, NULL, 'm'},
        {"input", required_argument, NULL, 'i'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"overwrite", no_argument, NULL, OPTION_OVERWRITE},
        {"gradients", no_argument, NULL, OPTION_GRADIENTS},
        {"plan", no_argument, NULL, OPTION_PLAN},
        {"profile", no_argument, NULL, OPTION_PROFILE},
        {NULL, 0, NULL, 0},
    };
    static const char letters[] = ":c:s:d:o:rm:i:qvhV";
    int option, failed = 0;
    *command = &commands[0];
    o->verbosity = LOG_NORMAL;
    opterr = 0;
    while (!failed && (option = getopt_long(argc, argv, letters, longs, NULL)) != -1)
        switch (option) {
        case 'c':
            o->config = optarg;
            break;
        case 's':
            failed = add_setting(o, "", optarg, err);
            break;
        case 'd':
            failed = add_setting(o, "device.select=", optarg, err);
            break;
        case 'o':
            failed = add_setting(o, "run.output=", optarg, err);
            break;
        case 'r':
            o->resume = 1;
            break;
        case 'm':
            o->model = optarg;
            break;
        case 'i':
            o->input = optarg;
            break;
        case 'q':
            o->verbosity = LOG_QUIET;
            break;
        case 'v':
            o->verbosity = LOG_VERBOSE;
            break;
        case 'h':
            fputs(usage, stdout);
            return 1;
        case 'V':
            puts("seqtrain " PACKAGE_VERSION);
            return 1;
        case OPTION_OVERWRITE:
            o->overwrite = 1;
            break;
        case OPTION_GRADIENTS:
            o->gradients = 1;
            break;
        case OPTION_PLAN:
            o->plan = 1;
            break;
        case OPTION_PROFILE:
            o->profile = 1;
            break;
        default:
            return bad_option(option, letters, argv[optind - 1], err);
        }
    if (failed)
        return -1;
    if (optind < argc) {
        const char *word = argv[optind++];
        *command = NULL;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
            if (!strcmp(word, commands[i].name))
                *command = &commands[i];
        if (!*command)
            return error_set(err, STATUS_USAGE,
                             "'%s' is no command: train, check, data, evaluate, encode, predict, "
                             "devices",
                             word);
    }
    if (optind < argc)
        return error_set(err, STATUS_USAGE, "'%s' is one word too many", argv[optind]);
    if (o->resume && o->overwrite)
        return error_set(err, STATUS_USAGE, "--resume and --overwrite exclude each other");
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.started = now()};
    struct error err = {0};
    const struct command *command;
    /* reads and writes go on: it is between steps that an interruption counts */
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    jsonmem_watch();
    int result = parse(argc, argv, &options, &command, &err);
    if (!result)
        options.command = command->name;
    if (!result && command->saves) { /* the others have nothing to save */
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        signal(SIGPIPE, SIG_IGN); /* training goes on without its console */
    }
    if (!result)
        result = command->run(&options, &err);
    if (result >= 0)
        result = file_flush(stdout, "standard output", &err);
    for (size_t i = 0; i < options.setting_count; i++)
        free(options.settings[i]);
    free(options.settings);
    if (result) {
        for (char *line = err.text, *end; line; line = end) {
            end = strchr(line, '\n');
            if (end)
                *end++ = 0;
            fprintf(stderr, "seqtrain: %s\n", line);
        }
        return err.status ? (int)err.status : STATUS_FAILED;
    }
    return interrupted ? 128 + interrupted : STATUS_DONE;
}
