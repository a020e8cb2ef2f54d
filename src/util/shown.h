/* SPDX-License-Identifier: MIT */
/*
 * shown: a name from a file made fit for a message of one line: cut, control characters replaced.
 */
#ifndef UTIL_SHOWN_H
#define UTIL_SHOWN_H

struct shown {
    char text[100];
};

struct shown show_name(const char *name);

#endif
