#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes lettering_weights.h of data/deid/lettering.csv. The weights come as output, input, row, column; the program wants the outputs side by side."""
import sys


def main():
    layers = {}
    for line in open(sys.argv[1], encoding="utf-8"):
        if not line.startswith("#"):
            name, *numbers = line.strip().split(",")
            layers[name] = numbers
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("// SPDX-License-Identifier: Apache-2.0\n#pragma once\n")
        for name, numbers in layers.items():
            layer, kind = name.rsplit(".", 1)
            words = "weights_" + layer.replace(".", "_") + ("_bias" if kind == "bias" else "")
            if kind == "weight":
                outputs = len(layers[layer + ".bias"])
                inside = len(numbers) // outputs  # inputs × rows × columns
                area = {"first": 25, "second": 9}.get(layer, 9 if layer.startswith("depth") else 1)
                inputs = inside // area
                numbers = [numbers[o * inside + i * area + k] for k in range(area) for i in range(inputs) for o in range(outputs)]
            out.write("static const float %s[] = {%s};\n" % (words, ",".join(n + ("F" if "." in n or "e" in n else ".0F") for n in numbers)))


if __name__ == "__main__":
    main()
