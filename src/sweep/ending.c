/* SPDX-License-Identifier: MIT */
#include "sweep/ending.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/state.h"
#include "util/file.h"

/* Each line of an error begins so. */
#define START "seqtrain: "

static int is_error(const char *line)
{
    return line && !strncmp(line, START, strlen(START)) &&
           !memmem(line, strcspn(line, "\n"), "warning: ", strlen("warning: "));
}

/* The first of the last lines of the console that tell of an error, without its beginning. */
static void last_words(const char *folder, char *to, size_t size)
{
    char text[8192], *path = file_join(folder, STATE_CONSOLE);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t from = end > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : 0;
    ssize_t got = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, from);
    if (fd >= 0)
        close(fd);
    free(path);
    text[got > 0 ? got : 0] = 0;
    *to = 0;
    int before = 0;
    for (const char *line = text, *stop; line; line = stop ? stop + 1 : NULL) {
        int now = is_error(line);
        stop = strchr(line, '\n');
        if (now && !before)
            snprintf(to, size, "%.*s", (int)strcspn(line + strlen(START), "\n"),
                     line + strlen(START));
        before = now;
    }
}

void ending_text(int status, const char *folder, char *to, size_t size)
{
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
    if (WIFSIGNALED(status) && number == SIGKILL)
        snprintf(to, size, "killed by signal 9 (perhaps the kernel, for want of host memory)");
    else if (number > 0)
        snprintf(to, size, "%s by signal %d (%s)", WIFSIGNALED(status) ? "ended" : "stopped",
                 number, strsignal(number));
    else {
        last_words(folder, to, size);
        if (!*to)
            snprintf(to, size, "exit status %d", WEXITSTATUS(status));
    }
}
