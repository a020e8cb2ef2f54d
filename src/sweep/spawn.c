/* SPDX-License-Identifier: MIT */
#include "sweep/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "sweep/state.h"
#include "sweep/worker.h"
#include "util/file.h"

/* The worker's end of the socket. */
#define WORKER_FD 3

/* The worker's words, behind two that are to be freed with the array; NULL: memory. */
static char **words_of(const struct spawn *what)
{
    char **word = calloc(what->setting_count * 2 + 12, sizeof *word);
    char *number = NULL, *device = NULL, *quoted = config_quote(what->device);
    size_t n = 0;
    if (!word || !quoted || asprintf(&number, "%zu", what->run) < 0 ||
        asprintf(&device, "device.select=%s", quoted) < 0) {
        free(word);
        free(quoted);
        free(number);
        return NULL;
    }
    free(quoted);
    word[n++] = number;
    word[n++] = device;
    char *const fixed[] = {program_invocation_name,   "sweep", "-c",
                           (char *)what->config_path, "--run", number};
    memcpy(word + n, fixed, sizeof fixed);
    n += sizeof fixed / sizeof *fixed;
    for (size_t i = 0; i < what->setting_count; i++) {
        word[n++] = "-s";
        word[n++] = what->settings[i];
    }
    word[n++] = "-s"; /* behind the user's: a slot has its own device */
    word[n++] = device;
    return word;
}

static void free_words(char **word)
{
    if (word) {
        free(word[0]);
        free(word[1]);
    }
    free(word);
}

/* A pair of sockets; the first is none of a worker's other descriptors. */
static int make_pair(int fd[2])
{
    int low;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
        return -1;
    low = fd[0];
    fd[0] = fcntl(low, F_DUPFD_CLOEXEC, WORKER_FD + 1);
    close(low);
    if (fd[0] >= 0)
        return 0;
    close(fd[1]);
    return -1;
}

/* Starts the process, with its console in a file. 0, or an errno. */
static int start(const struct spawn *what, char **word, int fd, const char *console, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t with;
    sigset_t defaults;
    int failed = posix_spawn_file_actions_init(&files);
    if (failed)
        return failed;
    if ((failed = posix_spawnattr_init(&with))) {
        posix_spawn_file_actions_destroy(&files);
        return failed;
    }
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGCHLD);
    /* a group of its own: Ctrl-C reaches the supervisor alone, which tells the workers */
    if (!(failed = posix_spawnattr_setflags(&with, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETSIGDEF)) &&
        !(failed = posix_spawnattr_setsigmask(&with, what->mask)) &&
        !(failed = posix_spawnattr_setsigdefault(&with, &defaults)) &&
        !(failed =
              posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) &&
        !(failed = posix_spawn_file_actions_addopen(
              &files, STDOUT_FILENO, console, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0666)) &&
        !(failed = posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO)) &&
        !(failed = posix_spawn_file_actions_adddup2(&files, fd, WORKER_FD))) {
        const int linux_has = !access("/proc/self/exe", X_OK);
        failed = linux_has ? posix_spawn(pid, "/proc/self/exe", &files, &with, word + 2, environ)
                           : posix_spawnp(pid, word[2], &files, &with, word + 2, environ);
    }
    posix_spawnattr_destroy(&with);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

int spawn_worker(const struct spawn *what, pid_t *pid, int *end, struct error *err)
{
    char variable[64], *console = file_join(what->folder, STATE_CONSOLE);
    char **word = words_of(what);
    int fd[2] = {-1, -1}, failed = console && word && !make_pair(fd) ? 0 : ENOMEM;
    snprintf(variable, sizeof variable, "%d %u", WORKER_FD, what->stale);
    if (!failed && !(failed = setenv(WORKER_VARIABLE, variable, 1))) {
        failed = start(what, word, fd[0], console, pid);
        unsetenv(WORKER_VARIABLE);
    }
    if (fd[0] >= 0)
        close(fd[0]);
    if (failed && fd[1] >= 0)
        close(fd[1]);
    *end = fd[1];
    free(console);
    free_words(word);
    return failed ? error_set(err, STATUS_FAILED, "run %zu cannot be started: %s", what->run,
                              strerror(failed))
                  : 0;
}
