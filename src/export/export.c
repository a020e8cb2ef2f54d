/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include <string.h>

#include "export/as_c.h"
#include "export/as_nam.h"
#include "export/as_onnx.h"

const struct export_format *const export_formats[] = {&export_onnx, &export_nam, &export_c, NULL};

const struct export_format *export_find(const char *name, struct error *err)
{
    char all[128] = "";
    for (const struct export_format *const *f = export_formats; *f; f++) {
        if (!strcmp((*f)->name, name))
            return *f;
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", used ? ", " : "", (*f)->name);
    }
    error_set(err, STATUS_USAGE, "--format %.80s: there is no such format, but %s", name, all);
    return NULL;
}
