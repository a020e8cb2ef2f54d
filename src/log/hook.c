/* SPDX-License-Identifier: MIT */
#include "log/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/now.h"
#include "util/words.h"

enum { MOST = 8 }; /* commands that run at a time */

struct hook {
    char **words;
    double seconds;
    struct {
        pid_t pid; /* 0: none */
        double started;
    } child[MOST];
    char fault[HOOK_FAULT]; /* the first one; "": none */
    int told;
};

struct hook *hook_new(const char *command, double seconds)
{
    struct hook *hook = calloc(1, sizeof *hook);
    if (!hook || !(hook->words = words_cut(command))) {
        free(hook);
        return NULL;
    }
    hook->seconds = seconds;
    return hook;
}

static void fail(struct hook *hook, const char *what, const char *why)
{
    if (!*hook->fault)
        snprintf(hook->fault, sizeof hook->fault, "%.100s %s%s", hook->words[0], what, why);
}

/* --- starting */

/* "NAME=text" and so on, then what this process has but for these names; freed by
 * free_environment().
 */
static char **environment(const struct hook_event *e)
{
    const struct {
        const char *name, *text;
    } own[] = {{"SEQTRAIN_EVENT=", e->event},     {"SEQTRAIN_LEVEL=", e->level},
               {"SEQTRAIN_MESSAGE=", e->message}, {"SEQTRAIN_JSON=", e->json},
               {"SEQTRAIN_RUN=", e->run},         {"SEQTRAIN_FOLDER=", e->folder}};
    enum { OWN = sizeof own / sizeof *own };
    size_t n = 0, count = 0;
    while (environ[n])
        n++;
    char **all = calloc(OWN + n + 1, sizeof *all);
    int failed = !all;
    for (; !failed && count < OWN; count++)
        failed = !(all[count] = malloc(strlen(own[count].name) + strlen(own[count].text) + 1)) ||
                 (strcpy(stpcpy(all[count], own[count].name), own[count].text), 0);
    for (size_t i = 0; !failed && i < n; i++) {
        int is_own = 0;
        for (size_t k = 0; k < OWN; k++)
            is_own |= !strncmp(environ[i], own[k].name, strlen(own[k].name));
        if (!is_own && (all[count] = strdup(environ[i])))
            count++;
    }
    for (size_t i = 0; failed && all && i < OWN; i++)
        free(all[i]);
    if (failed)
        free(all);
    return failed ? NULL : all;
}

static void free_environment(char **all)
{
    for (char **one = all; *one; one++)
        free(*one);
    free(all);
}

/* In a group of its own, with signals as any program has them, nothing to read, and its output on
 * standard error. 0 or an errno. */
static int start(struct hook *hook, char **with, pid_t *pid)
{
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int number = posix_spawnattr_init(&how);
    if (number)
        return number;
    if ((number = posix_spawn_file_actions_init(&files))) {
        posix_spawnattr_destroy(&how);
        return number;
    }
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setsigmask(&how, &none);
    if (!(number =
              posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)))
        number = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    if (!number)
        number = posix_spawnp(pid, hook->words[0], &files, &how, hook->words, with);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return number;
}

static void look_after(struct hook *hook);

void hook_run(struct hook *hook, const struct hook_event *event, int missed)
{
    look_after(hook);
    int place = -1, running = 0;
    for (int i = 0; i < MOST; i++)
        if (hook->child[i].pid)
            running++;
        else
            place = i;
    if ((missed && running) || !hook->words[0])
        return;
    if (place < 0) {
        fail(hook, "was not started for an event: too many of it still run", "");
        return;
    }
    char **with = environment(event);
    int number = with ? start(hook, with, &hook->child[place].pid) : ENOMEM;
    hook->child[place].started = now();
    if (number) {
        hook->child[place].pid = 0;
        fail(hook, "cannot be started: ", strerror(number));
    }
    if (with)
        free_environment(with);
}

/* --- ending */

static void ended(struct hook *hook, int status)
{
    char number[16];
    snprintf(number, sizeof number, "%d",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    if (!WIFEXITED(status))
        fail(hook, "was ended by signal ", number);
    else if (WEXITSTATUS(status))
        fail(hook, "ended with status ", number);
}

/* Reaps what has ended, kills what takes too long. */
static void look_after(struct hook *hook)
{
    for (int i = 0; i < MOST; i++) {
        const pid_t pid = hook->child[i].pid;
        if (!pid)
            continue;
        int status = 0;
        pid_t got = waitpid(pid, &status, WNOHANG);
        if (!got && now() - hook->child[i].started >= hook->seconds) {
            fail(hook, "took too long, and was killed", "");
            kill(-pid, SIGKILL);
            got = waitpid(pid, &status, 0);
        } else if (got == pid) {
            ended(hook, status);
        }
        if (got) /* ended, or somebody else's to reap */
            hook->child[i].pid = 0;
    }
}

const char *hook_tend(struct hook *hook)
{
    look_after(hook);
    if (!*hook->fault || hook->told)
        return NULL;
    hook->told = 1;
    return hook->fault;
}

static int any_runs(const struct hook *hook)
{
    for (int i = 0; i < MOST; i++)
        if (hook->child[i].pid)
            return 1;
    return 0;
}

void hook_close(struct hook *hook, char fault[HOOK_FAULT])
{
    *fault = 0;
    if (!hook)
        return;
    for (look_after(hook); any_runs(hook); look_after(hook))
        poll(NULL, 0, 10);
    if (!hook->told)
        strcpy(fault, hook->fault);
    free(hook->words);
    free(hook);
}
