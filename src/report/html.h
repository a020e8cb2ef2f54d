/* SPDX-License-Identifier: MIT */
/*
 * html: what a page is made of, so that it is HTML and well-formed XML whatever texts it holds.
 * Write errors stay with the stream. It owns nothing.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

/* A text in an element or in an attribute's double quotes. What is no UTF-8, and characters that
 * XML and HTML do not have, become U+FFFD. */
void html_put(const char *bytes, size_t size, FILE *out);
void html_text(const char *text, FILE *out);

/* The same of what printf() would write, cut to 1023 bytes. */
void html_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "data:TYPE;base64,...". */
void html_data(const char *type, const unsigned char *bytes, size_t size, FILE *out);

/* A number as a person reads it: six digits, "-" where it is not finite. */
struct html_number {
    char text[48];
};
struct html_number html_number(double x);

/* 1234567 as "1,234,567". */
struct html_number html_count(double x);

/* Seconds as "2 h 5 min". */
struct html_number html_time(double seconds);

/* Bytes as "12.3 MiB". */
struct html_number html_bytes(double bytes);

#endif
