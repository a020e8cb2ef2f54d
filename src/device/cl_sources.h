/* SPDX-License-Identifier: MIT */
/*
 * cl_sources: the kernel files of cl/, embedded in the binary by the build (build-aux/embed), so
 * that an installed seqtrain needs no data folder.
 */
#ifndef DEVICE_CL_SOURCES_H
#define DEVICE_CL_SOURCES_H

struct cl_source {
    const char *name; /* "norm.cl"; common.h stands before every kernel file */
    const char *text;
};

extern const struct cl_source cl_sources[]; /* ends with a NULL name */

#endif
