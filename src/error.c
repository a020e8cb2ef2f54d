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
    err->cause = CAUSE_NONE;
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
    err->cause = CAUSE_NONE;
    err->damaged = 1;
    vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    return -1;
}

int error_cause(struct error *err, enum cause cause)
{
    err->cause = cause;
    return -1;
}

int error_add(struct error *err, const char *format, ...)
{
    const size_t used = strlen(err->text), room = sizeof err->text - used;
    va_list ap;
    va_start(ap, format);
    if (room > 1) {
        err->text[used] = '\n';
        vsnprintf(err->text + used + 1, room - 1, format, ap);
    }
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

int error_name_device(struct error *err, const char *name)
{
    static const char device[] = "device ";
    const size_t n = strlen(device), length = strlen(name);
    const int named = !strncmp(err->text, device, n) && !strncmp(err->text + n, name, length) &&
                      err->text[n + length] == ':';
    return named ? -1 : error_prefix(err, "%s%s", device, name);
}

int error_errno(struct error *err, enum status status, const char *path)
{
    return error_set(err, errno == ENOMEM ? STATUS_FAILED : status, "%s: %s", path,
                     strerror(errno));
}
