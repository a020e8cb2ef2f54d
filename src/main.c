/* SPDX-License-Identifier: MIT */
/*
 * seqtrain: the command line, see seqtrain(1). The only place that exits. The locale stays "C", so
 * that numbers have a decimal point everywhere.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands/cmdline.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/now.h"

volatile sig_atomic_t interrupted;
struct comm *ranks;

/* A second signal of the kind ends the process at once; but a terminal that closes sends SIGHUP
 * more than once. */
static void on_signal(int number)
{
    interrupted = number;
    if (number != SIGHUP)
        signal(number, SIG_DFL);
}

/* LLVM, with which drivers compile, puts a handler in the place of ours that loses SIGUSR1, in
 * whichever thread compiles first: ours is put back. LLVM's for the other signals call ours. */
static void *keep_usr1(void *action)
{
    while (!interrupted) {
        sigaction(SIGUSR1, action, NULL);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return NULL;
}

/* Signals ask for an end with a checkpoint; where nohup(1) was asked for, SIGHUP does not. */
static void catch_signals(void)
{
    /* reads and writes go on: it is between steps that an interruption counts */
    static struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before;
    pthread_t thread;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    if (!pthread_create(&thread, NULL, keep_usr1, &action))
        pthread_detach(thread);
    if (sigaction(SIGHUP, &action, &before) || before.sa_handler == SIG_IGN)
        signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* training goes on without its console */
}

/* No file that is opened later takes the place of a standard stream that is closed. */
static void fill_streams(void)
{
    int fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDONLY);
    if (fd >= 0)
        close(fd);
}

/* After SIGUSR1 it is 138 whatever number the signal has on this system. */
static int status_after(int signal)
{
    return 128 + (signal == SIGUSR1 ? 10 : signal);
}

/* A failure that all ranks have is told by rank 0, which then ends the others. */
static void tell_apart(void)
{
    const struct timespec second = {1, 0};
    if (comm_rank(ranks)) {
        nanosleep(&second, NULL);
        fprintf(stderr, "seqtrain: rank %d failed:\n", comm_rank(ranks));
    }
}

int main(int argc, char **argv)
{
    struct options options = {.started = now()};
    struct error err = {0};
    const struct cmdline_command *command = NULL;

    fill_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is told as a full disk is */
    jsonmem_watch();
    int result = cmdline_parse(argc, argv, &options, &command, &err);
    if (!result)
        options.command = command->name;
    if (!result && command->saves) /* the others have nothing to save */
        catch_signals();
    if (!result)
        result = command->run(&options, &err);
    if (result >= 0 && !interrupted) /* what was interrupted may have lost its terminal */
        result = file_flush(stdout, "standard output", &err);
    for (size_t i = 0; i < options.setting_count; i++)
        free(options.settings[i]);
    free(options.settings);
    if (result) {
        tell_apart();
        for (char *line = err.text, *end; line; line = end) {
            end = strchr(line, '\n');
            if (end)
                *end++ = 0;
            fprintf(stderr, "seqtrain: %s\n", line);
        }
        const int status = err.status ? (int)err.status : STATUS_FAILED;
        comm_abort(ranks, status);
        return status;
    }
    return interrupted ? status_after(interrupted) : STATUS_DONE;
}
