// SPDX-License-Identifier: Apache-2.0
// What one section of a CT shows of a head: a closed ring of bone with brain in it, or a part of a
// face (bone in front, air in the middle).
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gate_plane {
    int width, height;
    double mm; // of a cell
    const int16_t *hu;
    const uint8_t *body; // 1 where the body is; NULL: where hu is over GATE_GRID_BODY_HU
    uint8_t *marks;      // room for width × height
    uint32_t *queue;     // likewise
};

// The largest area that bone closes in and that looks like brain.
struct gate_ring {
    double area;        // mm²; 0: none
    double cx, cy;      // its middle, cells
    int x0, x1, y0, y1; // its bounds, cells
};
// Leaves GATE_PLANE_INNER in marks for cells that bone closes in, whatever they are.
#define GATE_PLANE_INNER 3
void gate_plane_ring(const struct gate_plane *p, struct gate_ring *ret_ring);

// The whole section of the body.
struct gate_section {
    double area;            // mm²; 0: nothing there
    int x0, x1, y0, y1;     // cells
    double air, bone, soft; // mm², air inside of the outline
    double bone_in_front;   // mm², in the front and near the middle
};
void gate_plane_section(const struct gate_plane *p, struct gate_section *ret_section);

// Sizes that a section of a head has, children's too.
bool gate_section_is_head_sized(const struct gate_section *s, double mm);
// Part of a face: bone in front, air behind it.
bool gate_section_is_face(const struct gate_section *s, double mm);
