# SPDX-License-Identifier: Apache-2.0
"""Valid instances of many kinds around a person: what a scanner would have sent, and the facts that teaching needs of it."""
import io

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless)

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "CR": "1.2.840.10008.5.1.4.1.1.1", "DX": "1.2.840.10008.5.1.4.1.1.1.1",
           "US": "1.2.840.10008.5.1.4.1.1.6.1", "USM": "1.2.840.10008.5.1.4.1.1.3.1", "SC": "1.2.840.10008.5.1.4.1.1.7", "PT": "1.2.840.10008.5.1.4.1.1.128",
           "XA": "1.2.840.10008.5.1.4.1.1.12.1", "SR": "1.2.840.10008.5.1.4.1.1.88.33", "KO": "1.2.840.10008.5.1.4.1.1.88.59", "PR": "1.2.840.10008.5.1.4.1.1.11.1",
           "PDF": "1.2.840.10008.5.1.4.1.1.104.1", "ECG": "1.2.840.10008.5.1.4.1.1.9.1.1", "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3"}
ROOT = "1.2.826.0.1.3680043.8.498."


def uid(rng):
    return ROOT + str(rng.randrange(10**30))


def code(value, scheme, meaning):
    d = Dataset()
    d.CodeValue, d.CodingSchemeDesignator, d.CodeMeaning = value, scheme, meaning
    return d


def items(*datasets):
    return Sequence(datasets)


class Case:
    """One instance on its way: `keep` are facts (keyword path, value) that the outcome must still hold."""

    def __init__(self, rng, person, kind, real=None):
        self.rng, self.person, self.kind = rng, person, kind
        self.keep, self.values, self.lines, self.sites = [], [], [], []
        self.name = "IM%06d" % rng.randrange(10**6)
        self.preamble, self.tail = b"\0" * 128, b""
        self.expect = "released"
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CLASSES[kind]
        meta.TransferSyntaxUID = rng.choice([ExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        self.d = FileDataset(None, {} if real is None else real, file_meta=meta, preamble=self.preamble)
        self.header(real is not None)

    def fact(self, keyword, value):
        setattr(self.d, keyword, value)
        self.keep.append((keyword, value))

    def plant(self, site, *values):
        """Values that must not be found in what comes out."""
        self.sites.append(site)
        self.values += [(site, str(v)) for v in values]

    def header(self, real):
        d, p, rng = self.d, self.person, self.rng
        modality = {"USM": "US", "SC": "OT", "PDF": "DOC", }.get(self.kind, self.kind)
        d.SpecificCharacterSet = "ISO_IR 100"
        if real:
            d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID
        else:
            d.SOPClassUID = CLASSES[self.kind]
        d.SOPInstanceUID = uid(rng)
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID = uid(rng), uid(rng)
        day = p.study.strftime("%Y%m%d")
        d.StudyDate = d.SeriesDate = d.ContentDate = d.AcquisitionDate = day
        d.StudyTime = d.SeriesTime = d.ContentTime = d.AcquisitionTime = "%02d%02d%02d" % (rng.randrange(24), rng.randrange(60), rng.randrange(60))
        d.AccessionNumber, d.StudyID = p.accession, str(rng.randrange(10**5, 10**6))
        d.PatientName, d.PatientID, d.PatientBirthDate = p.pn(), p.hospital_number, p.born.strftime("%Y%m%d")
        d.ReferringPhysicianName = p.consultant.upper() + "^DR"
        d.InstitutionName, d.InstitutionalDepartmentName, d.OperatorsName = p.hospital, p.ward, p.radiographer
        d.PatientAddress, d.OtherPatientIDs = "%s, %s" % (p.address, p.postcode), p.nhs
        if not real:
            d.Manufacturer, d.ManufacturerModelName = "ACME", "Scanmaster 3"
        d.DeviceSerialNumber = str(rng.randrange(10**4, 10**5)) + "X"
        d.StationName = "%s%d" % (p.town.upper()[:6], rng.randrange(1, 9))
        self.fact("Modality", d.Modality if real else modality)
        self.fact("PatientSex", p.sex)
        d.PatientAge = "%03dY" % p.age
        if p.age < 90:
            self.keep.append(("PatientAge", d.PatientAge))
        d.SeriesNumber, d.InstanceNumber = str(rng.randrange(1, 20)), str(rng.randrange(1, 200))
        self.keep += [("SeriesNumber", d.SeriesNumber), ("InstanceNumber", d.InstanceNumber)]
        self.plant("header", p.hospital_number, p.nhs, p.family, d.AccessionNumber, d.DeviceSerialNumber, p.postcode, d.SOPInstanceUID, d.StudyInstanceUID,
                   d.SeriesInstanceUID, day, d.PatientBirthDate, p.hospital, p.radiographer, d.StationName)

    def image(self, pixels, **facts):
        """Pixels of (rows, columns), (frames, rows, columns) or with 3 samples at the end."""
        d = self.d
        colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
        shape = pixels.shape[:-1] if colour else pixels.shape
        d.SamplesPerPixel = 3 if colour else 1
        d.PhotometricInterpretation = "RGB" if colour else facts.pop("photometric", "MONOCHROME2")
        if colour:
            d.PlanarConfiguration = 0
        d.Rows, d.Columns = shape[-2:]
        if len(shape) == 3:
            d.NumberOfFrames = str(shape[0])
        bits = 8 if pixels.dtype == np.uint8 else 16
        d.BitsAllocated, d.BitsStored = bits, facts.pop("stored", bits)
        d.HighBit = d.BitsStored - 1
        d.PixelRepresentation = int(pixels.dtype == np.int16)
        self.pixels = pixels
        for keyword in ("Rows", "Columns", "BitsStored", "PhotometricInterpretation"):
            self.keep.append((keyword, d[keyword].value))
        for keyword, value in facts.items():
            self.fact(keyword, value)
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if self.kind in ("CT", "MR") else ["ORIGINAL", "PRIMARY"]

    def finish(self):
        """Bytes of the file."""
        d = self.d
        if hasattr(self, "pixels"):
            data = np.ascontiguousarray(self.pixels).tobytes()
            d.PixelData = data + b"\0" * (len(data) % 2)
            d["PixelData"].VR = "OW" if d.BitsAllocated == 16 else "OB"
            if getattr(self, "jpeg", None) is not None:
                self.compress()
            if getattr(self, "rle", False):
                d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
                d.compress(RLELossless)
        out = pydicom.filebase.DicomBytesIO()
        out.is_little_endian, out.is_implicit_VR = True, d.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        d.is_little_endian, d.is_implicit_VR = True, out.is_implicit_VR
        d.preamble = self.preamble
        pydicom.dcmwrite(out, d, write_like_original=False)
        return out.getvalue() + self.tail


    def compress(self):
        """JPEG baseline, 8 bits, with what `jpeg` holds as a comment in every frame."""
        stack = self.pixels if self.pixels.ndim == 4 else self.pixels[None]
        frames = []
        for frame in stack:
            out = io.BytesIO()
            Image.fromarray(frame).save(out, "JPEG", quality=92, subsampling=self.rng.choice([0, 2]))
            data = out.getvalue()
            if self.jpeg:
                data = data[:2] + b"\xff\xfe" + (len(self.jpeg) + 2).to_bytes(2, "big") + self.jpeg + data[2:]
            frames.append(data)
        d = self.d
        d.PhotometricInterpretation = "YBR_FULL_422" if stack.ndim == 4 else "MONOCHROME2"
        self.keep = [(k, v) for k, v in self.keep if k != "PhotometricInterpretation"]
        d.LossyImageCompression, d.LossyImageCompressionRatio, d.LossyImageCompressionMethod = "01", "8", "ISO_10918_1"
        d.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        d.PixelData = encapsulate(frames)
        d["PixelData"].is_undefined_length = True


def geometry(c):
    d, rng = c.d, c.rng
    d.FrameOfReferenceUID, d.PositionReferenceIndicator = uid(rng), ""
    c.fact("PixelSpacing", [0.7, 0.7])
    c.fact("SliceThickness", "5")
    c.fact("ImagePositionPatient", [-180.0, -180.0, float(rng.randrange(-900, 900))])
    c.fact("ImageOrientationPatient", [1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    c.fact("PatientPosition", "HFS")


# What teaching needs of any picture, where the file has it.
FACTS = """Rows Columns BitsStored PhotometricInterpretation PixelSpacing SliceThickness ImagePositionPatient ImageOrientationPatient RescaleSlope RescaleIntercept
WindowCenter WindowWidth KVP RepetitionTime EchoTime MagneticFieldStrength PatientPosition ImagerPixelSpacing SpacingBetweenSlices Laterality ViewPosition
FrameTime ConvolutionKernel ScanningSequence FlipAngle""".split()


def reals(folder):
    """{kind: [path …]} of real files with native pixels of a usual size."""
    found = {}
    for path in sorted(folder.rglob("*.dcm")):
        try:
            d = pydicom.dcmread(path)
            kind = d.Modality if d.Modality != "US" or int(d.get("NumberOfFrames", 1) or 1) == 1 else "USM"
            native = d.file_meta.TransferSyntaxUID in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
            usual = 128 <= d.Rows <= 1024 and 128 <= d.Columns <= 1024 and d.BitsAllocated in (8, 16) and int(d.get("NumberOfFrames", 1) or 1) <= 40
            if kind in ("CT", "MR", "CR", "DX", "PT") and native and usual and d.pixel_array.dtype in (np.uint8, np.int16, np.uint16) \
                    and d.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2", "RGB") and "broken" not in path.parts:
                found.setdefault(kind, []).append(path)
        except Exception:  # not for this purpose
            continue
    return found


def make_real(rng, person, kind, path):
    d = pydicom.dcmread(path)
    c = Case(rng, person, kind, d)
    c.pixels = d.pixel_array.copy()
    c.d.file_meta.TransferSyntaxUID = d.file_meta.TransferSyntaxUID
    c.d.pop("PatientAge", None)
    c.keep = [k for k in c.keep if k[0] != "PatientAge"]
    for keyword in FACTS:
        value = d.get(keyword)
        if value not in (None, "") and keyword in d:
            c.keep.append((keyword, [float(v) for v in value] if isinstance(value, pydicom.multival.MultiValue) and d[keyword].VR in ("DS", "FD") else str(value)))
    c.keep = [(k, v) for k, v in c.keep if not isinstance(v, str) or "[" not in v]
    c.real = True
    c.d.StudyDescription = c.d.SeriesDescription = c.keep_words = {"CT": "CT abdomen", "MR": "MRI spine", "PT": "PET"}.get(kind, "Imaging")
    return c


CT_WORDS = ["CT Thorax abdomen pelvis with contrast", "CT pulmonary angiogram", "CT KUB low dose", "Chest 5.0 B31f", "ABDOMEN PORTAL VENOUS", "CTPA 1.0 B20f"]
MR_WORDS = ["MRI Lumbar spine", "t2_tse_sag_320", "T1 AX FS +C", "MRCP", "STIR COR KNEE"]


def make(rng, person, kind, pictures):
    c = Case(rng, person, kind)
    if kind == "CT":
        c.image(rng.choice(pictures["CT"]).copy(), stored=16, RescaleIntercept="0", RescaleSlope="1", RescaleType="HU", KVP="120", ConvolutionKernel="B31f",
                WindowCenter="40", WindowWidth="400", BodyPartExamined=rng.choice(["CHEST", "ABDOMEN", "PELVIS"]))
        geometry(c)
        c.d.AcquisitionNumber = "1"
        words = rng.choice(CT_WORDS)
    elif kind == "MR":
        c.image(rng.choice(pictures["MR"]).copy(), stored=16, RepetitionTime="4200", EchoTime="98", MagneticFieldStrength="1.5", WindowCenter="300", WindowWidth="700")
        geometry(c)
        c.d.ScanningSequence, c.d.SequenceVariant, c.d.ScanOptions, c.d.MRAcquisitionType, c.d.EchoTrainLength = "SE", "SK", "", "2D", "12"
        words = rng.choice(MR_WORDS)
    elif kind in ("CR", "DX"):
        picture = rng.choice(pictures["DX"])
        c.image(np.clip(picture, 0, 4095).astype(np.uint16), stored=12, WindowCenter="2048", WindowWidth="4096", ViewPosition="PA", BodyPartExamined="CHEST")
        c.fact("ImagerPixelSpacing", [0.2, 0.2])
        if kind == "DX":
            c.fact("PresentationIntentType", "FOR PRESENTATION")
            c.d.PixelIntensityRelationship, c.d.PixelIntensityRelationshipSign, c.d.RescaleIntercept, c.d.RescaleSlope, c.d.RescaleType = "LOG", -1, "0", "1", "US"
            c.d.PresentationLUTShape, c.d.LossyImageCompression, c.d.PatientOrientation, c.d.ImageLaterality = "IDENTITY", "00", ["L", "F"], "U"
            c.d.DetectorType, c.d.BurnedInAnnotation, c.d.AcquisitionContextSequence = "DIRECT", "NO", Sequence()
            c.d.AnatomicRegionSequence = items(code("51185008", "SCT", "Chest"))
        else:
            c.d.Laterality = ""
        words = rng.choice(["Chest PA", "XR Chest", "CXR erect"])
    elif kind in ("US", "USM"):
        from pictures import ultrasound
        c.image(ultrasound(rng)[0] if kind == "US" else ultrasound(rng, 300, 400, 5))
        c.d.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
        c.fact("TransducerType", "CURVED LINEAR")
        if kind == "USM":
            c.fact("FrameTime", "40")
            c.d.FrameIncrementPointer = 0x00181063
        words = rng.choice(["US Abdomen", "US renal tract", "US Doppler leg veins"])
    elif kind == "SC":
        page = np.zeros((512, 512, 3), np.uint8)
        c.image(page)
        c.d.ConversionType, c.d.ImageType = "WSD", ["DERIVED", "SECONDARY", "OTHER"]
        words = "Dose Report"
    elif kind == "PT":
        c.image(rng.choice(pictures["MR"])[::2, ::2].copy(), stored=16, RescaleIntercept="0", RescaleSlope="1.2", Units="BQML", PatientWeight="71")
        geometry(c)
        c.keep.remove(("PatientWeight", "71"))
        words = "PET WB"
    else:
        words = {"SR": "Report", "KO": "Key images", "PR": "Presentation", "ECG": "12 lead ECG", "PDF": "Letter", "XA": "Angiogram", "RTSTRUCT": "Contours"}[kind]
    c.d.StudyDescription = words
    c.d.SeriesDescription = words
    c.keep_words = words
    return c
