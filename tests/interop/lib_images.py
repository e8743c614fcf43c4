# SPDX-License-Identifier: Apache-2.0
"""Small images of known content for the interop steps: pydicom writes them, nothing is random."""
import os
import struct

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

ROOT_UID = "1.2.826.0.1.3680043.10.999."
CT, MR, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.7"


def image(study, series, number, rows=16, columns=16, sop_class=CT, modality="CT", **attributes):
    """A data set of 16 bit; study and series are numbers that its UIDs are made of."""
    d = Dataset()
    d.SpecificCharacterSet = attributes.pop("SpecificCharacterSet", "ISO_IR 192")
    d.SOPClassUID = sop_class
    d.SOPInstanceUID = "%s%d.%d.%d" % (ROOT_UID, study, series, number)
    d.StudyInstanceUID = "%s%d" % (ROOT_UID, study)
    d.SeriesInstanceUID = "%s%d.%d" % (ROOT_UID, study, series)
    d.Modality, d.SeriesNumber, d.InstanceNumber = modality, series, number
    d.PatientName, d.PatientID, d.PatientSex, d.PatientBirthDate = "Test^Person", "T%d" % study, "O", "19700101"
    d.StudyDate, d.StudyTime, d.StudyID, d.AccessionNumber = "20240101", "101500", str(study), "ACC%d" % study
    d.StudyDescription, d.SeriesDescription = "Study %d" % study, "Series %d" % series
    d.ReferringPhysicianName = ""
    d.FrameOfReferenceUID = d.StudyInstanceUID + ".9999"
    d.ImagePositionPatient, d.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.SliceThickness = [1, 1], 1
    d.RescaleIntercept, d.RescaleSlope = "-1024", "1"
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = rows, columns
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    wave = struct.pack("<%dH" % (4096 + columns), *((n * 17) % 4096 for n in range(4096 + columns)))
    starts = [2 * ((row * 31 + number * 7 + study) % 4096) for row in range(rows)]
    d.PixelData = b"".join(wave[start:start + 2 * columns] for start in starts)
    for name, value in attributes.items():
        setattr(d, name, value)
    return d


def write(d, path, syntax=pydicom.uid.ExplicitVRLittleEndian):
    d.file_meta = FileMetaDataset()
    d.file_meta.MediaStorageSOPClassUID, d.file_meta.MediaStorageSOPInstanceUID = d.SOPClassUID, d.SOPInstanceUID
    d.file_meta.TransferSyntaxUID = syntax
    d.file_meta.ImplementationClassUID = ROOT_UID + "1"
    d.is_implicit_VR, d.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
    d.save_as(path, write_like_original=False)
    return path


def study(folder, number, series=1, instances=3, **attributes):
    """Writes a study; its paths."""
    os.makedirs(folder, exist_ok=True)
    return [write(image(number, s, i, **attributes), os.path.join(folder, "%d-%d-%d.dcm" % (number, s, i)))
            for s in range(1, series + 1) for i in range(1, instances + 1)]
