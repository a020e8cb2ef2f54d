/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum status status, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    err->status = status;
    err->damaged = 0;
    vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    return -1;
}

int error_damaged(struct error *err, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    err->status = STATUS_INPUT;
    err->damaged = 1;
    vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    char rest[sizeof err->text];
    memcpy(rest, err->text, sizeof rest);
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %.*s",
                 (int)(sizeof err->text - (size_t)n), rest);
    return -1;
}

int error_errno(struct error *err, enum status status, const char *path)
{
    return error_set(err, status, "%s: %s", path, strerror(errno));
}
