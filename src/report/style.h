/* SPDX-License-Identifier: MIT */
/*
 * style: the style sheet of a report. It holds no '<' and no '&', so that the page is XML as well.
 */
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

extern const char report_style[];

#endif
