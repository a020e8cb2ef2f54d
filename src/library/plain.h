/* SPDX-License-Identifier: MIT */
/*
 * plain: what failed, told to somebody who has no INI file. The engine names keys: "[data] series:
 * rows that come are one series; -s data.series= takes them as such". It owns nothing.
 */
#ifndef LIBRARY_PLAIN_H
#define LIBRARY_PLAIN_H

/* Leaves of each line what does not name a key, in place: "rows that come are one series". A key in
 * the first clause becomes words: "the model's missing limit". */
void plain_text(char *text);

#endif
