#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Headers of the real samples through the gate, judged by other software: every file that pydicom reads comes out, is
read again, keeps the facts that teaching needs, holds no value that it must not, and dciodvfy finds no error in it that
it did not find in the input. Usage: gate_header.py --build BUILD [SAMPLES] [-v]"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
try:
    import pydicom
    from pydicom.datadict import keyword_for_tag
except ImportError:
    print("skipped: no pydicom")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.environ.get("MACLAB_SAMPLES", os.path.join(os.path.dirname(ROOT), "shared", "dicom-samples"))

# What must come out as it went in (PS3.15 does not name them, or asks for no more than cleaning).
FACTS = """Modality ImageType SOPClassUID Rows Columns PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing
SliceThickness SpacingBetweenSlices SliceLocation ImagePositionPatient ImageOrientationPatient PatientPosition
PatientOrientation Laterality ImageLaterality FrameLaterality ViewPosition KVP XRayTubeCurrent Exposure ExposureTime
RepetitionTime EchoTime InversionTime FlipAngle EchoTrainLength MagneticFieldStrength PixelBandwidth ScanningSequence
SequenceVariant ScanOptions MRAcquisitionType ConvolutionKernel ReconstructionDiameter GantryDetectorTilt TableHeight
RescaleSlope RescaleIntercept RescaleType WindowCenter WindowWidth VOILUTFunction PhotometricInterpretation
SamplesPerPixel BitsAllocated BitsStored HighBit PixelRepresentation PlanarConfiguration NumberOfFrames
SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue SeriesNumber InstanceNumber AcquisitionNumber
TemporalPositionIdentifier NumberOfTemporalPositions FrameReferenceTime ActualFrameDuration TriggerTime FrameTime
CineRate BodyPartExamined PatientSex Units DecayCorrection DecayFactor CorrectedImage RadionuclideTotalDose
RadionuclideHalfLife PresentationLUTShape Manufacturer ManufacturerModelName LossyImageCompression
DiffusionBValue DiffusionGradientOrientation ImagedNucleus NumberOfAverages SpecificAbsorptionRate
TransducerType MechanicalIndex ThermalIndex DistanceSourceToDetector DistanceSourceToPatient BodyPartThickness
CompressionForce Grid FilterMaterial AnodeTargetMaterial FocalSpots ExposureControlMode
SingleCollimationWidth TotalCollimationWidth SpiralPitchFactor CTDIvol EstimatedDoseSaving
FrameIncrementPointer RescaleType SegmentNumber SegmentAlgorithmType ContentQualification
RegionSpatialFormat RegionDataType RegionLocationMinX0 RegionLocationMinY0 RegionLocationMaxX1 RegionLocationMaxY1
PhysicalDeltaX PhysicalDeltaY PhysicalUnitsXDirection PhysicalUnitsYDirection ReferencedFrameNumber""".split()
# What may stand in the output only as pseudonym, dummy or nothing.
GONE = """PatientName PatientID PatientBirthDate OtherPatientIDs ReferringPhysicianName OperatorsName InstitutionName
InstitutionAddress StationName DeviceSerialNumber AccessionNumber StudyID StudyInstanceUID SeriesInstanceUID
SOPInstanceUID FrameOfReferenceUID StudyDate StudyTime PerformingPhysicianName PatientAddress""".split()


def text(value):
    return str(value).strip()


def leaves(ds, path=""):
    for e in ds:
        if e.VR == "SQ":
            for i, item in enumerate(e.value or []):
                yield from leaves(item, "%s%s[%d]." % (path, e.keyword or e.tag, i))
        else:
            yield path, e


def facts(ds):
    out = {}
    for path, e in leaves(ds):
        elsewhere = "IconImage" in path or "(" in path  # small copies, private
        if e.keyword in FACTS and text(e.value) not in ("", "None") and not elsewhere:
            out[path + e.keyword] = text(e.value).upper()
    return out


def errors(path):
    run = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace", timeout=120)
    # Places that depend on a value are the same place.
    found = {}
    for line in run.stderr.splitlines() + run.stdout.splitlines():
        if line.startswith("Error"):
            key = re.sub(r"[0-9.]{6,}", "", line)
            found[key] = line
    return found


class Judge:
    def __init__(self, verbose):
        self.passed = self.failed = 0
        self.verbose = verbose
        self.facts = self.kept = 0
        self.lost = {}

    def check(self, good, what):
        self.passed += good
        self.failed += not good
        if not good:
            print("FAILED", what)

    def compare(self, name, before, after):
        was, now = facts(before), facts(after)
        for key, value in was.items():
            self.facts += 1
            same = now.get(key) == value
            self.kept += same
            if not same:
                keyword = key.split(".")[-1]
                self.lost.setdefault(keyword, []).append((name, value, now.get(key)))
        for keyword in GONE:
            value = text(getattr(before, keyword, "") or "")
            registered = value.startswith("1.2.840.10008.")
            if value and not registered and value == text(getattr(after, keyword, "") or ""):
                self.check(False, "%s: %s is as it was" % (name, keyword))
        self.check(text(getattr(after, "PatientName", "")).startswith("CASE-"), name + ": a pseudonym")
        self.check(getattr(after, "PatientIdentityRemoved", "") == "YES", name + ": it says what was done")
        private = [e for p, e in leaves(after) if e.tag.is_private]
        self.check(len(private) <= 40, "%s: %d private attributes are left" % (name, len(private)))


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--build", required=True)
    words.add_argument("samples", nargs="?", default=SAMPLES)
    words.add_argument("-v", dest="verbose", action="store_true")
    asked = words.parse_args()
    probe, samples, verbose = os.path.join(asked.build, "tests/interop/gate_header_probe"), asked.samples, asked.verbose
    if not os.path.isdir(samples):
        print("skipped: no samples")
        return 77
    judge = Judge(verbose)
    work = tempfile.mkdtemp()
    has_vfy = shutil.which("dciodvfy") is not None
    files = []
    for line in open(os.path.join(samples, "MANIFEST.tsv"), encoding="utf-8"):
        path = os.path.join(samples, line.split("\t")[0])
        if os.path.isfile(path):
            files.append(path)
    asked = "".join("%s\t%s\n" % (p, os.path.join(work, "%d.dcm" % i)) for i, p in enumerate(files))
    run = subprocess.run([probe], input=asked, capture_output=True, text=True, timeout=1200)
    answers = [line for line in run.stdout.splitlines() if line[:2] in ("K ", "E ")]
    judge.check(run.returncode == 0 and len(answers) == len(files), "the probe lives: %s" % run.stderr[-500:])
    new_errors = 0
    for i, path in enumerate(files):
        name = os.path.relpath(path, samples)
        out = os.path.join(work, "%d.dcm" % i)
        if i >= len(answers):
            break
        if answers[i].startswith("E "):
            # Refused by the reader, as everywhere; not by the header.
            reader = subprocess.run([probe], input=path + "\n", capture_output=True, text=True).stdout
            if verbose:
                print("refused", name, answers[i])
            judge.check("header" not in reader, name + ": " + answers[i])
            continue
        try:
            before = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            list(leaves(before))
        except Exception as problem:  # whatever pydicom cannot read is not judged by it
            if verbose:
                print("not read by pydicom:", name, problem)
            continue
        try:
            after = pydicom.dcmread(out, stop_before_pixels=True)
            judge.compare(name, before, after)
        except Exception as problem:
            judge.check(False, "%s: pydicom does not read what came out: %r" % (name, problem))
            continue
        document = "Encapsulated" in str(getattr(before, "SOPClassUID", "")) or before.get("EncapsulatedDocument")
        if has_vfy and not document:  # those are refused
            was, now = errors(path), errors(out)
            # An instance "0" that a fixture refers to is no instance to dciodvfy until it has a real UID.
            fresh = sorted(now[k] for k in now if k not in was and "not listed in CurrentRequested" not in k)
            new_errors += len(fresh)
            judge.check(not fresh, "%s: dciodvfy: %s" % (name, fresh[:6]))
    share = judge.kept / max(1, judge.facts)
    print("%d facts, %.2f %% kept; %d new errors of dciodvfy" % (judge.facts, 100 * share, new_errors))
    for keyword in sorted(judge.lost, key=lambda k: -len(judge.lost[k])):
        print("  %-28s %4d lost, e.g. %s" % (keyword, len(judge.lost[keyword]), judge.lost[keyword][:4]))
    judge.check(share >= 0.995, "99.5 % of the facts are kept")
    shutil.rmtree(work)
    print("%d passed, %d failed" % (judge.passed, judge.failed))
    return judge.failed > 0


sys.exit(main())
