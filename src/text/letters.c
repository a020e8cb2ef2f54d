/* SPDX-License-Identifier: MIT */
#include "text/letters.h"

#include <utf8proc.h>

#include "text/utf8.h"

#define REPLACEMENT 0xfffd
#define DOTTED_I 0x130
#define DOT_ABOVE 0x307
#define SIGMA 0x3a3
#define FINAL_SIGMA 0x3c2

uint32_t letters_at(const char *text, size_t left, size_t *size)
{
    uint32_t point = 0;
    *size = utf8_read(text, left, &point);
    if (*size)
        return point;
    *size = utf8_broken(text, left);
    return REPLACEMENT;
}

int letters_is_blank(uint32_t point)
{
    if ((point >= 0x09 && point <= 0x0d) || (point >= 0x1c && point <= 0x1f) || point == 0x85)
        return 1;
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return 1;
    default:
        return 0;
    }
}

int letters_is_punctuation(uint32_t point)
{
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return 1;
    default:
        return 0;
    }
}

/* --- lower case */

/* Word_Break = MidLetter, MidNumLet or Single_Quote (Unicode, UAX 29). */
static int is_within_word(uint32_t point)
{
    static const uint32_t points[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                      0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                      0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    size_t i = 0;
    while (i < sizeof points / sizeof *points && point != points[i])
        i++;
    return i < sizeof points / sizeof *points;
}

/* Case_Ignorable */
static int is_ignorable(uint32_t point)
{
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return 1;
    default:
        return is_within_word(point);
    }
}

/* Cased, of what is not ignorable: letters, and of the others Other_Lowercase and Other_Uppercase.
 */
static int is_cased(uint32_t point)
{
    static const uint32_t others[][2] = {{0xaa, 0xaa},      {0xba, 0xba},       {0x2160, 0x217f},
                                         {0x24b6, 0x24e9},  {0x1f130, 0x1f149}, {0x1f150, 0x1f169},
                                         {0x1f170, 0x1f189}};
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
        return 1;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (point >= others[i][0] && point <= others[i][1])
            return 1;
    return 0;
}

/* Whether a cased letter comes next in a text, behind what is ignorable. A sigma is cased, so that
 * no stretch is looked through for two of them. */
static int cased_follows(const char *text, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        const uint32_t point = letters_at(text + i, size - i, &n);
        if (!is_ignorable(point))
            return is_cased(point);
    }
    return 0;
}

/* Final_Sigma (Unicode, table 3-17): behind a cased letter, and none follows. */
int letters_lower(const char *text, size_t size, struct textbuf *to, struct error *err)
{
    int cased = 0; /* what came last and is not ignorable */
    for (size_t i = 0, n; i < size; i += n) {
        const uint32_t point = letters_at(text + i, size - i, &n);
        uint32_t lower = (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
        if (point == DOTTED_I)
            lower = 'i';
        if (point == SIGMA && cased && !cased_follows(text + i + n, size - i - n))
            lower = FINAL_SIGMA;
        if (textbuf_add_point(to, lower, err) ||
            (point == DOTTED_I && textbuf_add_point(to, DOT_ABOVE, err)))
            return -1;
        if (!is_ignorable(point))
            cased = is_cased(point);
    }
    return 0;
}
