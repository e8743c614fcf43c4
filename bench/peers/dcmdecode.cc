// SPDX-License-Identifier: Apache-2.0
// How fast DCMTK decodes the same files in process: each is loaded once a round, only the change to
// uncompressed samples counts. Prints "file<TAB>dcmtk<TAB>files a second of processor time", the
// median of five runs.
//   dcmdecode FILE…
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>

static double now() {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

static double decode(const char *path) {
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

static void measure(const char *path) {
    std::vector<double> rates;
    for (int run = 0; run < 5; run++) {
        double spent = 0;
        int count = 0;
        while (spent < 0.3) {
            double took = decode(path);
            if (took < 0) {
                std::printf("%s\tdcmtk\tfailed\n", path);
                return;
            }
            spent += took;
            count++;
        }
        rates.push_back(count / spent);
    }
    std::sort(rates.begin(), rates.end());
    std::printf("%s\tdcmtk\t%.1f\n", path, rates[rates.size() / 2]);
}

int main(int argc, char **argv) {
    OFLog::configure(OFLogger::FATAL_LOG_LEVEL);
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    for (int i = 1; i < argc; i++) {
        measure(argv[i]);
    }
    return 0;
}
