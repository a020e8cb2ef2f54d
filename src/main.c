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

/* SIGUSR1 is taken by a thread that waits for it, and all other threads hold it back: LLVM, with
 * which drivers compile, puts a handler of its own in the place of any for SIGUSR1, and loses it.
 * Its handlers of the other signals call ours. */
static struct {
    pthread_t main;
    sigset_t set;
} usr1;

static void hold_usr1(void)
{
    sigemptyset(&usr1.set);
    sigaddset(&usr1.set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1.set, NULL);
}

/* Libraries start threads when they are loaded (OpenBLAS); this comes before. */
__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = hold_usr1;

static void *wait_for_usr1(void *unused)
{
    int number;
    sigwait(&usr1.set, &number);
    on_signal(number);
    pthread_sigmask(SIG_UNBLOCK, &usr1.set, NULL);
    pthread_kill(usr1.main, SIGCHLD); /* ignored but by a fleet, which wakes up */
    for (;;)
        pause(); /* a second one comes here and ends the process */
    return unused;
}

/* 0, or -1: no thread can be started, and main takes it. */
static int catch_usr1(void)
{
    pthread_t thread;
    usr1.main = pthread_self();
    signal(SIGUSR1, on_signal);
    return pthread_create(&thread, NULL, wait_for_usr1, NULL) || pthread_detach(thread);
}

/* Signals ask for an end with a checkpoint; where nohup(1) was asked for, SIGHUP does not. */
static void catch_signals(void)
{
    /* reads and writes go on: it is between steps that an interruption counts */
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
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

/* Tells what failed, and ends the other ranks. The exit status. */
static int fail(struct error *err)
{
    if (comm_leave(ranks, err)) {
        tell_apart();
        for (char *line = err->text, *end; line; line = end) {
            end = strchr(line, '\n');
            if (end)
                *end++ = 0;
            fprintf(stderr, "seqtrain: %s\n", line);
        }
    }
    const int status = err->status ? (int)err->status : STATUS_FAILED;
    comm_abort(ranks, status);
    return status;
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
    if (result || !command->saves || catch_usr1())
        pthread_sigmask(SIG_UNBLOCK, &usr1.set, NULL);
    if (!result)
        result = command->run(&options, &err);
    if (result >= 0 && !interrupted) /* what was interrupted may have lost its terminal */
        result = file_flush(stdout, "standard output", &err);
    for (size_t i = 0; i < options.setting_count; i++)
        free(options.settings[i]);
    free(options.settings);
    if (result)
        return fail(&err);
    return interrupted ? status_after(interrupted) : STATUS_DONE;
}
