/* SPDX-License-Identifier: MIT */
#include "util/jsonnumber.h"

#include <math.h>

json_t *jsonnumber(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

double jsonnumber_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}
