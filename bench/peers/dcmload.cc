// SPDX-License-Identifier: Apache-2.0
// The peer of bench_parse: DCMTK's own loadFile in a loop, in one process.
// Usage: dcmload LIST RUNS   (LIST: a file with one path a line); prints files a second of each run.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

static bool load(const std::string &path) {
    DcmFileFormat file;
    OFString uid;
    return file.loadFile(path.c_str()).good() &&
           file.getDataset()->findAndGetOFString(DCM_SOPInstanceUID, uid).good() && !uid.empty();
}

int main(int argc, char **argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: dcmload LIST RUNS\n");
        return 2;
    }
    std::vector<std::string> paths;
    std::ifstream list(argv[1]);
    for (std::string line; std::getline(list, line);) {
        paths.push_back(line);
    }
    for (int run = 0; run < std::atoi(argv[2]); run++) {
        auto start = std::chrono::steady_clock::now();
        for (const std::string &path : paths) {
            if (!load(path)) {
                std::fprintf(stderr, "dcmload: %s failed\n", path.c_str());
                return 1;
            }
        }
        std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        std::printf("%.0f\n", double(paths.size()) / spent.count());
    }
    return 0;
}
