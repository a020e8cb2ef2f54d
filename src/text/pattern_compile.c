/* SPDX-License-Identifier: MIT */
#include "text/pattern_compile.h"

#include <string.h>

pcre2_code *pattern_compile(const char *regex, size_t size, int *code, size_t *at)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    *code = PCRE2_ERROR_NOMEMORY;
    *at = 0;
    if (!context)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)regex, size, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, code, at, context);
    pcre2_compile_context_free(context);
    return compiled;
}

int pattern_compiles(const char *regex)
{
    int code;
    size_t at;
    pcre2_code *compiled = pattern_compile(regex, strlen(regex), &code, &at);
    pcre2_code_free(compiled);
    return compiled != NULL;
}
