/* SPDX-License-Identifier: MIT */
/*
 * hook: a command that is run at events, without a shell. It is told of the event by its
 * environment. Nobody waits for it but hook_close(); one that takes too long is killed with all
 * that it started. A struct owns the processes that it started, and reaps them.
 */
#ifndef LOG_HOOK_H
#define LOG_HOOK_H

struct hook;

struct hook_event {
    const char *event, *level, *message, *json;
    const char *run, *folder; /* "" where there is none */
};

/* `command` is words (util/words.h); each run of it may take so many seconds. NULL without memory.
 */
struct hook *hook_new(const char *command, double seconds);

/* Starts the command; an event that can be `missed` only where no other one is running. */
void hook_run(struct hook *hook, const struct hook_event *event, int missed);

/* Reaps what has ended, kills what takes too long. The first time that something went wrong, what;
 * else NULL. */
const char *hook_tend(struct hook *hook);

/* Waits for all that run, as long as each may take, then frees the hook; NULL is none. What went
 * wrong for the first time is written to `fault`, "" if nothing did. */
#define HOOK_FAULT 256
void hook_close(struct hook *hook, char fault[HOOK_FAULT]);

#endif
