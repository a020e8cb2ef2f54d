/* SPDX-License-Identifier: MIT */
/*
 * page: a run as one page of HTML that is also well-formed XML, with all it shows inside: no
 * script, no file and no address elsewhere. It owns nothing.
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

#include "report/record.h"

/* Writes the page; -1 where a picture cannot be had for want of memory. Write errors stay with the
 * stream. */
int page_write(const struct record *record, FILE *out, struct error *err);

#endif
