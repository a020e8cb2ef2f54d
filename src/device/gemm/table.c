/* SPDX-License-Identifier: MIT */
/* The table of providers. */
#include <string.h>

#include "device/gemm/provider.h"

/* In the order in which they are asked whether they serve. NAME is gemm_NAME of its file. */
#define PROVIDERS(X) \
    X(cblas)         \
    X(clblast)       \
    X(own)           \
    X(bf16)          \
    X(fp16)

#define DECLARED(name) extern const struct gemm_provider gemm_##name;
PROVIDERS(DECLARED)

#define ENTRY(name) &gemm_##name,
const struct gemm_provider *const gemm_providers[] = {PROVIDERS(ENTRY)};
const size_t gemm_provider_count = sizeof gemm_providers / sizeof *gemm_providers;

const struct gemm_provider *gemm_provider_find(const char *name)
{
    for (size_t i = 0; i < gemm_provider_count; i++)
        if (!strcmp(gemm_providers[i]->name, name))
            return gemm_providers[i];
    return NULL;
}

const struct gemm_provider *gemm_provider_for(const struct device *dev,
                                              const struct gemm_provider *wish)
{
    for (size_t i = 0; i < gemm_provider_count && !wish; i++)
        if (gemm_providers[i]->serves && gemm_providers[i]->serves(dev))
            wish = gemm_providers[i];
    return wish;
}

int gemm_provider_serves(const struct gemm_provider *provider, const struct device *dev)
{
    return !provider || !provider->serves || provider->serves(dev);
}

const char *gemm_provider_name(const struct device *dev, const struct gemm_provider *provider)
{
    return provider ? provider->identity(dev) : "whoever was measured to be fastest";
}

const char *gemm_provider_uncounted(const struct gemm_provider *provider)
{
    return provider ? provider->uncounted : NULL;
}
