// SPDX-License-Identifier: Apache-2.0
// The known files that some tests compare with: in ../shared/dicom-samples beside the repository, or where
// MACLAB_SAMPLES says. A test that needs one that is not there, or not in the archive, is skipped with a line.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skip } from './check.mjs';
import { readDicom, text } from './dicom.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const samplesDir = process.env.MACLAB_SAMPLES ?? resolve(root, '../shared/dicom-samples');

const STUDY = 0x0020000d;
const SERIES = 0x0020000e;
const SOP = 0x00080018;

/** A sample file, read; skips the test when it is absent. */
export function sample(path) {
  const full = join(samplesDir, path);
  if (!existsSync(full)) skip(`sample ${path} is not here`);
  const file = readDicom(full);
  return { ...file, study: text(file, STUDY), series: text(file, SERIES), sop: text(file, SOP) };
}

/** All files of a sample folder, read. */
export function samples(folder) {
  const full = join(samplesDir, folder);
  if (!existsSync(full)) skip(`sample folder ${folder} is not here`);
  return readdirSync(full)
    .filter((name) => !name.startsWith('.') && !/DIRFILE$/.test(name))
    .map((name) => sample(join(folder, name)));
}
