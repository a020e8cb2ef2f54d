/* SPDX-License-Identifier: MIT */
#include "ops/onnx_act.h"

#include <math.h>

/* x (1 + y) / 2 */
static const char *half_of(struct onnx *o, const char *x, const char *y)
{
    const char *sum = onnx_two(o, "Add", y, onnx_number(o, 1));
    return onnx_two(o, "Mul", onnx_two(o, "Mul", x, onnx_number(o, 0.5)), sum);
}

/* x Phi(x) */
static const char *gelu(struct onnx *o, const char *x)
{
    return half_of(o, x, onnx_one(o, "Erf", onnx_two(o, "Mul", x, onnx_number(o, sqrt(0.5)))));
}

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
static const char *gelu_tanh(struct onnx *o, const char *x)
{
    const char *square = onnx_two(o, "Mul", x, x);
    const char *part = onnx_two(o, "Mul", square, onnx_number(o, 0.044715));
    part = onnx_two(o, "Mul", x, onnx_two(o, "Add", part, onnx_number(o, 1)));
    part = onnx_two(o, "Mul", part, onnx_number(o, sqrt(2 / M_PI)));
    return half_of(o, x, onnx_one(o, "Tanh", part));
}

static const char *leaky(struct onnx *o, const char *x)
{
    /* the mean of LOWER and UPPER of bias.cl */
    const struct onnx_attribute slope = {
        .name = "alpha", .kind = ONNX_REAL, .real = (1.0 / 8 + 1.0 / 3) / 2};
    return onnx_append(o, &(struct onnx_node){"LeakyRelu", 1, &x, 1, &slope, 1}, NULL);
}

const char *onnx_act(struct onnx *o, enum act act, const char *x)
{
    switch (act) {
    case ACT_RELU:
        return onnx_one(o, "Relu", x);
    case ACT_GELU:
        return gelu(o, x);
    case ACT_GELU_TANH:
        return gelu_tanh(o, x);
    case ACT_SILU:
        return onnx_two(o, "Mul", x, onnx_one(o, "Sigmoid", x));
    case ACT_RRELU:
    case ACT_RRELU_MEAN:
        return leaky(o, x);
    case ACT_NONE:
        break;
    }
    return x;
}
