/* SPDX-License-Identifier: MIT */
#include "plots/color.h"

#include <math.h>

/*
 * Chosen among well-known colour-blind safe sets so that the smallest OKLab distance between any
 * two, to white and to the grey of the rest is as large as possible (0.083) as seen with normal
 * sight, protanopia and deuteranopia (Machado et al. 2009).
 */
const unsigned color_category[COLOR_CATEGORIES] = {
    0x0072b2, 0xd55e00, 0x44aa99, 0xe69f00, 0xc51b7d, 0x56b4e9,
    0x332288, 0xf0e442, 0x8c510a, 0x7f0000, 0x004d40, 0x000000,
};

/* OKLab to linear sRGB (Ottosson, "A perceptual color space for image processing", 2020). */
static void oklab_to_linear(double L, double a, double b, double rgb[3])
{
    double l = pow(L + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(L - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(L - 0.0894841775 * a - 1.2914855480 * b, 3);
    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
}

static int in_gamut(const double rgb[3])
{
    for (int i = 0; i < 3; i++)
        if (rgb[i] < 0 || rgb[i] > 1)
            return 0;
    return 1;
}

/* The sRGB colour of lightness L, hue in degrees and at most this chroma, cut where sRGB ends. */
static unsigned oklch(double L, double chroma, double hue)
{
    double angle = hue * acos(-1) / 180, low = 0, high = chroma, rgb[3];
    oklab_to_linear(L, chroma * cos(angle), chroma * sin(angle), rgb);
    if (!in_gamut(rgb)) {
        for (int i = 0; i < 20; i++) {
            double middle = (low + high) / 2;
            oklab_to_linear(L, middle * cos(angle), middle * sin(angle), rgb);
            if (in_gamut(rgb))
                low = middle;
            else
                high = middle;
        }
        oklab_to_linear(L, low * cos(angle), low * sin(angle), rgb);
    }
    unsigned color = 0;
    for (int i = 0; i < 3; i++) {
        double v = fmin(fmax(rgb[i], 0), 1);
        v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
        color = color << 8 | (unsigned)lround(255 * v);
    }
    return color;
}

void color_values(unsigned map[COLOR_MAP])
{
    for (int i = 0; i < COLOR_MAP; i++) {
        double t = i / (double)(COLOR_MAP - 1);
        map[i] = oklch(0.26 + 0.66 * t, 0.11 + 0.07 * t * t, 310 - 205 * t);
    }
}

void color_errors(unsigned map[COLOR_MAP])
{
    for (int i = 0; i < COLOR_MAP; i++) {
        double t = 2 * i / (double)(COLOR_MAP - 1) - 1, size = fabs(t);
        map[i] = oklch(0.975 - 0.505 * size, 0.17 * size, t < 0 ? 252 : 38);
    }
}
