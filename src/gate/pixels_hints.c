// SPDX-License-Identifier: Apache-2.0
#include "gate/pixels_hints.h"

#include <stdio.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/tags.h"
#include "gate/device_table.h"

// --- matching words ---

static char capital(uint8_t c) { return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); }

static bool holds(struct slice text, struct slice word) {
    for (size_t at = 0; at + word.len <= text.len; at++) {
        size_t i = 0;
        while (i < word.len && capital(text.ptr[at + i]) == (char)word.ptr[i]) {
            i++;
        }
        if (i == word.len) {
            return true;
        }
    }
    return false;
}

static struct slice value_of(const struct dcm_dataset *d, dcm_tag tag) {
    const struct dcm_node *n = dcm_get(d, tag);
    return n == NULL ? (struct slice){0} : slice_trim(n->value, " ");
}

// `words`: alternatives between bars, in capitals. `whole`: one of them, nothing else.
static bool fits(struct slice text, const char *words, bool whole) {
    struct slice rest = words == NULL ? (struct slice){0} : slice_str(words);
    struct slice word;
    while (slice_split(&rest, '|', &word)) {
        if (whole ? text.len == word.len && holds(text, word) : holds(text, word)) {
            return true;
        }
    }
    return words == NULL;
}

static bool number_fits(uint32_t number, const char *words) {
    char text[16];
    (void)snprintf(text, sizeof text, "%u", number);
    return fits(slice_str(text), words, true);
}

static bool says(const struct dcm_dataset *d, dcm_tag tag, const char *words) {
    return fits(value_of(d, tag), words, false);
}

// --- devices ---

static bool device_matches(const struct dcm_dataset *d, uint32_t columns, uint32_t rows,
                           const struct gate_device *g) {
    return number_fits(rows, g->rows) && number_fits(columns, g->columns) &&
           fits(value_of(d, DCM_Modality), g->modality, true) &&
           says(d, DCM_Manufacturer, g->manufacturer) &&
           says(d, DCM_ManufacturerModelName, g->model) && says(d, DCM_ImageType, g->image_type) &&
           says(d, DCM_SeriesDescription, g->series) &&
           says(d, DCM_BurnedInAnnotation, g->burned_in) &&
           (g->other_text == NULL || says(d, g->other, g->other_text));
}

static void read_devices(const struct dcm_dataset *d, uint32_t columns, uint32_t rows,
                         struct gate_pixel_hints *h) {
    for (size_t i = 0; i < sizeof device_table / sizeof device_table[0]; i++) {
        const struct gate_rect *place = &device_table[i].place;
        if (!device_matches(d, columns, rows, &device_table[i])) {
            continue;
        }
        h->suspect = true;
        if (place->width > 0 && place->x < columns && place->y < rows &&
            h->place_count < GATE_PLACES_MAX) {
            h->places[h->place_count++] = *place;
        }
    }
}

// --- kinds of images ---

// By SOP class alone: what a header calls itself elsewhere is no excuse.
static bool is_mask(struct slice sop_class) {
    static const char *const classes[] = {
        "1.2.840.10008.5.1.4.1.1.66.4",  // Segmentation
        "1.2.840.10008.5.1.4.1.1.66.7",  // Label Map Segmentation
        "1.2.840.10008.5.1.4.1.1.481.2", // RT Dose
        "1.2.840.10008.5.1.4.1.1.30",    // Parametric Map
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (slice_eq_str(sop_class, classes[i])) {
            return true;
        }
    }
    return false;
}

static bool is_capture(struct slice sop_class) {
    return slice_starts(sop_class, slice_str("1.2.840.10008.5.1.4.1.1.7")) &&
           (sop_class.len == 25 || sop_class.ptr[25] == '.');
}

static void read_kind(const struct dcm_dataset *d, struct gate_pixel_hints *h) {
    struct slice sop_class = {0};
    struct slice modality = value_of(d, DCM_Modality);
    (void)dcm_text(d, DCM_SOPClassUID, 0, &sop_class);
    bool capture = is_capture(sop_class);
    h->mask = is_mask(sop_class);
    h->ultrasound =
        fits(modality, "US|IVUS|BMD", true) || dcm_get(d, DCM_SequenceOfUltrasoundRegions) != NULL;
    h->radiograph = fits(modality, "CR|DX|MG|RF|RG|IO|PX|HC|DF", true) ||
                    (capture && fits(value_of(d, DCM_ConversionType), "DF|SI|SD", true));
    h->screen = says(d, DCM_ImageType, "SCREEN|SAVE|DOSE|REPORT|DEMOGRAPHIC") ||
                says(d, DCM_SeriesDescription, "DOSE|REPORT|SCREEN|PROTOCOL|SUMMARY|NOMINATION") ||
                (capture && fits(value_of(d, DCM_ConversionType), "WSD", true) && !h->ultrasound);
    h->suspect = capture || h->screen || dcm_get(d, DCM_ConversionType) != NULL ||
                 dcm_get(d, DCM_SecondaryCaptureDeviceManufacturer) != NULL ||
                 says(d, DCM_BurnedInAnnotation, "YES") || value_of(d, DCM_Modality).len == 0;
}

// --- regions ---

static bool read_region(const struct dcm_dataset *item, uint32_t columns, uint32_t rows,
                        struct gate_rect *ret_region) {
    int64_t x0, y0, x1, y1;
    if (!dcm_int(item, DCM_RegionLocationMinX0, 0, &x0) ||
        !dcm_int(item, DCM_RegionLocationMinY0, 0, &y0) ||
        !dcm_int(item, DCM_RegionLocationMaxX1, 0, &x1) ||
        !dcm_int(item, DCM_RegionLocationMaxY1, 0, &y1)) {
        return false;
    }
    if (x0 < 0 || y0 < 0 || x1 <= x0 || y1 <= y0 || x0 >= columns || y0 >= rows) {
        return false;
    }
    // Some devices give the first pixel behind the region, or one more.
    uint32_t right = x1 + 1 < columns ? (uint32_t)x1 + 1 : columns;
    uint32_t bottom = y1 + 1 < rows ? (uint32_t)y1 + 1 : rows;
    if (x1 > (int64_t)columns + 1 || y1 > (int64_t)rows + 1) {
        return false; // of another picture
    }
    *ret_region =
        (struct gate_rect){(uint32_t)x0, (uint32_t)y0, right - (uint32_t)x0, bottom - (uint32_t)y0};
    return true;
}

static void read_regions(const struct dcm_dataset *d, uint32_t columns, uint32_t rows,
                         struct gate_pixel_hints *h) {
    const struct dcm_node *sequence = dcm_get(d, DCM_SequenceOfUltrasoundRegions);
    uint32_t count = sequence == NULL ? 0 : sequence->item_count;
    h->regions_wrong = count > GATE_REGIONS_MAX;
    for (uint32_t i = 0; i < count && !h->regions_wrong; i++) {
        struct gate_rect *region = &h->regions[h->region_count];
        if (read_region(dcm_item(sequence, i), columns, rows, region)) {
            h->region_count++;
        } else {
            h->regions_wrong = true;
        }
    }
    h->region_count = h->regions_wrong ? 0 : h->region_count;
}

void gate_pixel_hints_read(const struct dcm_dataset *d, uint32_t columns, uint32_t rows,
                           struct gate_pixel_hints *ret_hints) {
    *ret_hints = (struct gate_pixel_hints){0};
    read_kind(d, ret_hints);
    read_regions(d, columns, rows, ret_hints);
    read_devices(d, columns, rows, ret_hints);
}
