/* SPDX-License-Identifier: MIT */
/*
 * A regular expression as Oniguruma reads it, in PCRE2's words. Where the two differ, the words are
 * changed: \s, \w and \b by the Unicode properties that Oniguruma asks, \h (a hexadecimal digit),
 * \v, \u, scripts, categories by their long names, {,n} and (?m), which is PCRE2's (?s). What has
 * no words there, or would mean something else without a sign of it, is refused: sets within sets
 * and their intersections, [:names:], possessive {n,m}+ and rare escapes. It is compiled with ^ and
 * $ at the ends of lines, and . is any character but a line feed.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "text/pattern.h"
#include "text/pattern_compile.h"

#define SPACE "\\p{Z}\\t-\\r\\x{85}"
/* Alphabetic, marks, decimal digits and connectors */
#define WORD_IN_SET                                                                        \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-" \
    "\\x{1f169}\\x{1f170}-\\x{1f189}"
/* outside of a set the other numbers below U+0100 too */
#define WORD WORD_IN_SET "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"
#define BOUND "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))"
#define NO_BOUND "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))"

/* What an escape becomes outside of a set and within one; NULL: refused. */
static const struct escape {
    char letter;
    const char *outside, *inside;
} escapes[] = {
    {'s', "[" SPACE "]", SPACE},
    {'S', "[^" SPACE "]",
     "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Cn}\\p{Co}\\x00-\\x08\\x0e-\\x1f\\x7f-\\x{84}"
     "\\x{86}-\\x{9f}"},
    {'w', "[" WORD "]", WORD_IN_SET},
    {'W', "[^" WORD "]", NULL},
    {'b', BOUND, "\\x08"},
    {'B', NO_BOUND, NULL},
    {'d', "\\d", "\\d"},
    {'D', "\\D", "\\D"},
    {'h', "[0-9a-fA-F]", "0-9a-fA-F"},
    {'H', "[^0-9a-fA-F]", NULL},
    {'v', "\\x0b", "\\x0b"},
    {'t', "\\t", "\\t"},
    {'n', "\\n", "\\n"},
    {'r', "\\r", "\\r"},
    {'f', "\\f", "\\f"},
    {'a', "\\a", "\\a"},
    {'e', "\\e", "\\e"},
    {'A', "\\A", NULL},
    {'z', "\\z", NULL},
    {'Z', "\\Z", NULL},
    {'R', "\\R", NULL},
};

/* Categories by their long names, letters only. */
static const char *const categories[][2] = {
    {"other", "C"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"unassigned", "Cn"},
    {"privateuse", "Co"},
    {"letter", "L"},
    {"lowercaseletter", "Ll"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"titlecaseletter", "Lt"},
    {"uppercaseletter", "Lu"},
    {"mark", "M"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"nonspacingmark", "Mn"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"closepunctuation", "Pe"},
    {"finalpunctuation", "Pf"},
    {"initialpunctuation", "Pi"},
    {"otherpunctuation", "Po"},
    {"openpunctuation", "Ps"},
    {"symbol", "S"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"mathsymbol", "Sm"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"spaceseparator", "Zs"},
};

struct syntax {
    const struct part *part;
    const char *regex, *at;
    struct textbuf *to;
    struct error *err;
};

static int refuse(const struct syntax *s, const char *what)
{
    char shown[FIELD_SHOWN];
    return field_fault(s->part, s->err,
                       "the regular expression '%s' has %s, which is not known here",
                       field_shown(s->regex, shown), what);
}

static int put(const struct syntax *s, const char *text)
{
    return textbuf_add_text(s->to, text, s->err);
}

/* `count` bytes as they stand. */
static int copy(struct syntax *s, size_t count)
{
    const char *from = s->at;
    s->at += count;
    return textbuf_add(s->to, from, count, s->err);
}

/* "Other_Letter" and "other letter" are one name; at most size - 1 letters. */
static void plain_name(const char *from, size_t count, char *to, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < count && n + 1 < size; i++)
        if (!strchr("_- ^", from[i]))
            to[n++] = (char)tolower((unsigned char)from[i]);
    to[n] = 0;
}

/* \p{NAME}, \P{NAME} and \p{^NAME}. */
static int put_property(struct syntax *s)
{
    const char *end = s->at[2] == '{' ? strchr(s->at, '}') : NULL;
    char name[48], words[80];
    if (!end || end - s->at > 40)
        return refuse(s, "a \\p without {NAME}");
    const int no = (s->at[1] == 'P') ^ (s->at[3] == '^');
    plain_name(s->at + 3, (size_t)(end - s->at) - 3, name, sizeof name);
    s->at = end + 1;
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (!strcmp(name, categories[i][0]))
            strcpy(name, categories[i][1]);
    snprintf(words, sizeof words, "\\%c{sc:%s}", no ? 'P' : 'p', name);
    if (strlen(name) <= 2 || !pattern_compiles(words))
        snprintf(words, sizeof words, "\\%c{%s}", no ? 'P' : 'p', name);
    return put(s, words);
}

/* \xHH below 80, \x{H...}, \uHHHH. */
static int put_number(struct syntax *s)
{
    char words[16];
    size_t digits = 0;
    while (isxdigit((unsigned char)s->at[2 + digits]) && digits < 4)
        digits++;
    if (s->at[1] == 'u' && digits == 4) {
        snprintf(words, sizeof words, "\\x{%.4s}", s->at + 2);
        s->at += 6;
        return put(s, words);
    }
    if (s->at[1] == 'x' && s->at[2] == '{')
        return copy(s, 3);
    if (s->at[1] == 'x' && digits >= 2 && s->at[2] < '8')
        return copy(s, 4);
    return refuse(s, "a \\x or \\u that is no character");
}

static int put_escape(struct syntax *s, int in_set)
{
    const char letter = s->at[1];
    char words[] = "\\?";
    if (letter == 'p' || letter == 'P')
        return put_property(s);
    if (letter == 'x' || letter == 'u')
        return put_number(s);
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        const char *become = in_set ? escapes[i].inside : escapes[i].outside;
        if (escapes[i].letter == letter && become) {
            s->at += 2;
            return put(s, become);
        }
    }
    if (!letter)
        return refuse(s, "a \\ at its end");
    if (isalnum((unsigned char)letter) && (in_set || letter < '1' || letter > '9')) {
        words[1] = letter;
        return refuse(s, words);
    }
    return copy(s, 2);
}

/* A set, from its [ to its ]. */
static int put_set(struct syntax *s)
{
    size_t begin = s->at[1] == '^' ? 2 : 1;
    begin += s->at[begin] == ']';
    if (copy(s, begin))
        return -1;
    while (*s->at && *s->at != ']') {
        if (*s->at == '[')
            return refuse(s, s->at[1] == ':' ? "[:...:]" : "a set in a set");
        if (s->at[0] == '&' && s->at[1] == '&')
            return refuse(s, "&&");
        if (*s->at == '\\' ? put_escape(s, 1) : copy(s, 1))
            return -1;
    }
    return *s->at ? copy(s, 1) : refuse(s, "a [ without its ]");
}

/* ( with what a ? behind it says. */
static int put_group(struct syntax *s)
{
    if (s->at[1] == '*')
        return refuse(s, "(*");
    if (s->at[1] != '?')
        return copy(s, 1);
    if (s->at[2] && strchr(":=!>#", s->at[2]))
        return copy(s, 3);
    if (s->at[2] == '<')
        return copy(s, 3);
    const size_t letters = strspn(s->at + 2, "im-");
    const char end = s->at[2 + letters];
    const int begins = s->at == s->regex || strchr("(|", s->at[-1]);
    if (!letters || !(end == ':' || (end == ')' && begins)))
        return refuse(s, "a (? of a rare kind");
    if (copy(s, 2))
        return -1;
    for (size_t i = 0; i < letters; i++, s->at++)
        if (textbuf_add(s->to, *s->at == 'm' ? "s" : s->at, 1, s->err))
            return -1;
    return copy(s, 1);
}

/* {n}, {n,}, {,m} or {n,m}; any other { is a character. */
static int put_interval(struct syntax *s)
{
    const size_t least = strspn(s->at + 1, "0123456789");
    const size_t comma = s->at[1 + least] == ',';
    const size_t most = comma ? strspn(s->at + 2 + least, "0123456789") : 0;
    const size_t size = least + comma + most + 2;
    if (least + most == 0 || s->at[size - 1] != '}')
        return copy(s, 1);
    if (s->at[size] == '+')
        return refuse(s, "{n,m}+");
    if (!least) {
        s->at++;
        return put(s, "{0") || copy(s, size - 1) ? -1 : 0;
    }
    return copy(s, size);
}

int pattern_translate(const struct part *part, const char *regex, struct textbuf *to,
                      struct error *err)
{
    struct syntax s = {part, regex, regex, to, err};
    int failed = 0;
    while (!failed && *s.at) {
        switch (*s.at) {
        case '\\':
            failed = put_escape(&s, 0);
            break;
        case '[':
            failed = put_set(&s);
            break;
        case '(':
            failed = put_group(&s);
            break;
        case '{':
            failed = put_interval(&s);
            break;
        default:
            failed = copy(&s, 1);
        }
    }
    return failed ? -1 : 0;
}
