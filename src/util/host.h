/* SPDX-License-Identifier: MIT */
/*
 * host: which machine this is, and which of its processes are alive, for files that processes of
 * several machines share. It owns nothing.
 */
#ifndef UTIL_HOST_H
#define UTIL_HOST_H

#define HOST_NAME 65   /* room for the machine's name, */
#define HOST_PLACE 128 /* for its boot and process table, */
#define HOST_BEGUN 32  /* and for when a process began */

/* The machine's name, as part of a file's name: letters, digits, '-', '_' and '.'. */
const char *host_name(char to[HOST_NAME]);

/* Two processes of one place see the same numbers of processes. "" where that cannot be told. */
const char *host_place(char to[HOST_PLACE]);

/* When a process of this place began, in the system's own words: no two processes of one number
 * have the same. "" where there is none with this number, or it has ended. */
const char *host_begun(long pid, char to[HOST_BEGUN]);

/* Resident memory of this process in bytes; 0 where that cannot be told. */
long long host_resident(void);

#endif
