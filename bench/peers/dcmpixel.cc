// SPDX-License-Identifier: Apache-2.0
// What DCMTK makes of the same image in process: RLE frames decoded, pictures of an uncompressed one
// as JPEG (quality 90) and PNG through the file's first window.
//   dcmpixel UNCOMPRESSED RLE      prints "name<TAB>frames a second of processor time", medians of
//   five runs
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimgle/dcmimage.h>

#ifndef WITH_LIBPNG
#define WITH_LIBPNG // Debian's DCMTK has it; its header does not say so
#endif
#include <dcmtk/dcmimage/dipipng.h>
#include <dcmtk/dcmjpeg/dipijpeg.h>

static double now() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

template <class F> static void measure(const char *name, F once) {
    std::vector<double> rates;
    for (int run = 0; run < 5; run++) {
        double spent = 0;
        int count = 0;
        while (spent < 0.4) {
            double took = once();
            if (took < 0) {
                std::printf("%s\tfailed\n", name);
                return;
            }
            spent += took;
            count++;
        }
        rates.push_back(count / spent);
    }
    std::sort(rates.begin(), rates.end());
    std::printf("%s\t%.0f\n", name, rates[rates.size() / 2]);
}

// Loading is not counted: only the change of representation.
static double decode_rle(const char *path) {
    DcmFileFormat file;
    if (file.loadFile(path).bad() || file.loadAllDataIntoMemory().bad()) {
        return -1;
    }
    double begin = now();
    if (file.getDataset()->chooseRepresentation(EXS_LittleEndianExplicit, nullptr).bad()) {
        return -1;
    }
    return now() - begin;
}

template <class Plugin> static double picture(DcmFileFormat &file, Plugin &plugin) {
    double begin = now();
    DicomImage image(file.getDataset(), EXS_LittleEndianExplicit);
    if (image.getStatus() != EIS_Normal) {
        return -1;
    }
    image.setWindow(0);
    FILE *out = std::fopen("/dev/null", "wb");
    int ok = image.writePluginFormat(&plugin, out);
    std::fclose(out);
    return ok ? now() - begin : -1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    OFLog::configure(OFLogger::FATAL_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DcmFileFormat file;
    if (file.loadFile(argv[1]).bad() || file.loadAllDataIntoMemory().bad()) {
        return 1;
    }
    DiJPEGPlugin jpeg;
    jpeg.setQuality(90);
    DiPNGPlugin png;
    measure("rle-decode", [&] { return decode_rle(argv[2]); });
    measure("jpeg", [&] { return picture(file, jpeg); });
    measure("png", [&] { return picture(file, png); });
    return 0;
}
