/* SPDX-License-Identifier: MIT */
#include "config/inifile.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "util/clocale.h"

/*
 * inih trims what it is handed and looks for comments in it. Where a value holds one of these, it
 * travels as byte 1 + its index here; such control characters are refused in the file.
 */
static const char hidden[] = " \t;#";

/* A line of the file without indentation, comment, trailing blanks and line end. */
struct line {
    const char *text;
    size_t length;
    int indented;
    const char *fault; /* why it cannot be used, or NULL */
};

/*
 * A logical line (a section, or a key and its value with all continuations) is gathered in `text`
 * and handed to inih in pieces that fit its buffer: the rest of a long value goes as indented
 * lines, which inih reports under the same key.
 */
struct reader {
    const char *at, *end; /* what was not read yet */
    long number;          /* of the line before `at` */
    char *text;           /* [size + 1] */
    const char *rest;     /* what of `text` inih has not seen yet */
    long first;           /* line where `text` began */
    int reported;         /* section, key and value hold what inih made of `text` */
    char section[64], key[INIFILE_MAX_KEY + 1];
    char *value; /* [size + 1] */
    size_t used;
    const struct inifile_events *events;
    void *ctx;
};

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Bytes of the UTF-8 character at `s`, 0 if it is none (overlong forms and surrogates included). */
static size_t utf8_length(const unsigned char *s, size_t size)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > size)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

const char *inifile_check_text(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < size;) {
        if (s[i] == 0)
            return "holds a NUL byte: this is not a text file";
        if ((s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
            return "holds a control character";
        size_t n = utf8_length(s + i, size - i);
        if (!n)
            return "is not UTF-8 text";
        i += n;
    }
    return NULL;
}

/* Length of [text, text + length) without its comment; a quote that stays open is a fault. */
static size_t before_comment(const char *text, size_t length, const char **fault)
{
    int quoted = 0;
    if (length && *text == '#')
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == ';' && !quoted && (i == 0 || is_blank(text[i - 1])))
            return i;
    }
    if (quoted)
        *fault = "has an opening \" without a closing one";
    return length;
}

/* The next line of the file; 0 at its end. */
static int read_line(struct reader *r, struct line *line)
{
    if (r->at == r->end)
        return 0;
    const char *text = r->at;
    const char *stop = memchr(text, '\n', (size_t)(r->end - text));
    r->at = stop ? stop + 1 : r->end;
    if (!stop)
        stop = r->end;
    else if (stop > text && stop[-1] == '\r')
        stop--;
    r->number++;
    *line = (struct line){text, 0, 0, NULL};
    if (stop - text > INIFILE_MAX_LINE) {
        line->fault = "is longer than 32768 bytes";
        return 1;
    }
    while (text < stop && is_blank(*text))
        text++;
    line->indented = text > line->text;
    line->text = text;
    line->length = before_comment(text, (size_t)(stop - text), &line->fault);
    while (line->length && is_blank(text[line->length - 1]))
        line->length--;
    const char *fault = inifile_check_text(text, line->length);
    if (fault)
        line->fault = fault;
    return 1;
}

/* Bytes before the `=` or `:` of "key = value", blanks included; 0 if the line is no such thing. */
static size_t key_length(const struct line *line)
{
    size_t n = 0;
    while (n < line->length && is_name(line->text[n]))
        n++;
    size_t name = n;
    while (n < line->length && is_blank(line->text[n]))
        n++;
    return name && n < line->length && (line->text[n] == '=' || line->text[n] == ':') ? n : 0;
}

static int continues(const struct line *line)
{
    return line->indented && line->text[0] != '[' && !key_length(line);
}

static void fault(struct reader *r, long line, const char *what)
{
    r->events->fault(r->ctx, line, what);
}

/* Appends a line to `text`, hiding from inih what it would trim or cut. */
static char *append(char *to, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        const char *found = memchr(hidden, text[i], sizeof hidden - 1);
        *to++ = found ? (char)(1 + (found - hidden)) : text[i];
    }
    return to;
}

/* "[name]" without the blanks around the name. */
static int take_section(struct reader *r, const struct line *line)
{
    const char *name = line->text + 1, *end = line->text + line->length - 1;
    if (end < name || *end != ']' || memchr(name, ']', (size_t)(end - name))) {
        fault(r, r->first, "is no section: [name], alone on its line");
        return 0;
    }
    while (name < end && is_blank(*name))
        name++;
    while (end > name && is_blank(end[-1]))
        end--;
    size_t length = (size_t)(end - name);
    memcpy(r->text + 1, name, length);
    r->text[1 + length] = 0;
    r->events->section(r->ctx, r->first, r->text + 1);
    if (length >= sizeof r->section)
        length = sizeof r->section - 1; /* known to nobody; inih keeps no more either */
    r->text[0] = '[';
    strcpy(append(r->text + 1, name, length), "]");
    r->rest = r->text;
    return 1;
}

/* "key=value" with the value's continuation lines; 0, all of them skipped, if one has a fault. */
static int take_value(struct reader *r, const struct line *first)
{
    size_t key = key_length(first), length = key;
    while (length && is_blank(first->text[length - 1]))
        length--;
    const char *why = first->fault ? first->fault
                      : !key       ? "is neither [section], 'key = value' nor a comment"
                      : length > INIFILE_MAX_KEY ? "has a key longer than 48 bytes"
                                                 : NULL;
    int bad = why != NULL;
    char *to = r->text, *begin = to;
    if (bad)
        fault(r, r->first, why);
    else {
        memcpy(to, first->text, length);
        to[length] = '=';
        const char *value = first->text + key + 1, *end = first->text + first->length;
        while (value < end && is_blank(*value))
            value++;
        begin = to + length + 1;
        to = append(begin, value, (size_t)(end - value));
    }
    for (;;) {
        struct line line;
        const char *at = r->at;
        long number = r->number;
        if (!read_line(r, &line))
            break;
        if (!line.length && !line.fault)
            continue;
        if (!continues(&line)) {
            r->at = at;
            r->number = number;
            break;
        }
        if (line.fault)
            fault(r, r->number, line.fault);
        bad |= line.fault != NULL;
        if (bad)
            continue;
        if (to > begin)
            to = append(to, " ", 1);
        to = append(to, line.text, line.length);
    }
    if (bad)
        return 0;
    *to = 0;
    r->rest = r->text;
    return 1;
}

/* Gathers the next usable logical line; 0 at the end of the file. */
static int next(struct reader *r)
{
    struct line line;
    while (read_line(r, &line)) {
        if (!line.length && !line.fault)
            continue;
        r->first = r->number;
        if (line.text[0] == '[' && !line.fault ? take_section(r, &line) : take_value(r, &line))
            return 1;
    }
    return 0;
}

/* inih has had all of a logical line: tells its value. */
static void finish(struct reader *r)
{
    if (r->reported) {
        r->value[r->used] = 0;
        r->events->value(r->ctx, r->first, r->section, r->key, r->value);
    }
    r->reported = 0;
    r->used = 0;
}

/* What inih calls for a line: at most num - 1 bytes with the line feed. */
static char *hand_over(char *str, int num, void *stream)
{
    struct reader *r = stream;
    size_t room = (size_t)num - 3, used = 0; /* indentation, line feed, NUL */
    if (!*r->rest) {
        finish(r);
        if (!next(r))
            return NULL;
    } else
        str[used++] = ' ';
    size_t n = strlen(r->rest);
    if (n > room)
        n = room;
    memcpy(str + used, r->rest, n);
    r->rest += n;
    strcpy(str + used + n, "\n");
    return str;
}

/* What inih calls for a key, and again for each further piece of its value. */
static int report(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;
    if (!r->reported) {
        r->reported = 1;
        strncpy(r->section, section, sizeof r->section - 1);
        strncpy(r->key, key, sizeof r->key - 1);
    }
    for (; *value; value++) {
        size_t code = (size_t)(unsigned char)*value;
        r->value[r->used++] = code < sizeof hidden ? hidden[code - 1] : *value;
    }
    return 1;
}

int inifile_parse(const char *bytes, size_t size, const struct inifile_events *events, void *ctx)
{
    if (size >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) {
        bytes += 3;
        size -= 3;
    }
    struct reader r = {.at = bytes, .end = bytes + size, .rest = "", .events = events, .ctx = ctx};
    r.text = malloc(size + 4);
    r.value = malloc(size + 4);
    int failed = !r.text || !r.value;
    if (!failed) {
        locale_t before = clocale_enter();
        int status = ini_parse_stream(hand_over, &r, report, &r);
        clocale_leave(before);
        if (status > 0) /* every line that it was handed is right */
            fault(&r, r.number, "cannot be read by a libinih built without multi-line values");
        failed = status == -2;
    }
    free(r.text);
    free(r.value);
    return failed ? -1 : 0;
}
