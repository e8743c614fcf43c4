#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""speed_corpus.py DIR: what bench_speed.sh measures on, the same on every machine.

DIR/ct: 500 CT sections of 512 x 512 and some 530 kB each in one study of an invented person, with the
header a scanner writes (some 120 elements, sequences, a private block). DIR/us: 20 colour ultrasound
pictures of 1024 x 768 with the usual writing on them.
"""
import os
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.2.1143.77."
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def person(ds):
    ds.PatientName = "PRENTICE^Gwenllian^Mair"
    ds.PatientID = "RJ7731945"
    ds.PatientBirthDate = "19580314"
    ds.PatientSex = "F"
    ds.PatientAge = "068Y"
    ds.PatientAddress = "14 Heol y Bont, Llandeilo SA19 6AA"
    ds.AccessionNumber = "RAD20260418877"
    ds.ReferringPhysicianName = "OKAFOR^Chidi^^Dr"
    ds.PerformingPhysicianName = "SUTTON^Amy^^Dr"
    ds.OperatorsName = "HALL^J"
    ds.InstitutionName = "Prince Philip Hospital"
    ds.InstitutionalDepartmentName = "CT 2"
    ds.StationName = "PPHCT02"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260418"
    ds.StudyTime = "101530"
    ds.SeriesTime = "101702"
    ds.StudyID = "88112"


def start(sop_class, study, series, number):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = f"{ROOT}{series}.{number}"
    ds.StudyInstanceUID = f"{ROOT}{study}"
    ds.SeriesInstanceUID = f"{ROOT}{study}.{series}"
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.InstanceNumber = number
    person(ds)
    return ds


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def describe_ct(ds, number):
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Modality = "CT"
    ds.Manufacturer = "GE MEDICAL SYSTEMS"
    ds.ManufacturerModelName = "Revolution EVO"
    ds.DeviceSerialNumber = "CT0000123456"
    ds.SoftwareVersions = "revo_ct_22bc.50"
    ds.StudyDescription = "CT Chest and abdomen with contrast"
    ds.SeriesDescription = "Chest 1.25mm"
    ds.ProtocolName = "5.1 Chest routine"
    ds.BodyPartExamined = "CHEST"
    ds.SliceThickness = "1.25"
    ds.KVP = "120"
    ds.DataCollectionDiameter = "500"
    ds.ReconstructionDiameter = "360"
    ds.GantryDetectorTilt = "0"
    ds.TableHeight = "152"
    ds.ExposureTime = "500"
    ds.XRayTubeCurrent = "290"
    ds.Exposure = "145"
    ds.FilterType = "BODY FILTER"
    ds.FocalSpots = "0.7"
    ds.ConvolutionKernel = "STANDARD"
    ds.PatientPosition = "FFS"
    ds.ImagePositionPatient = ["-180", "-180", f"{-1.25 * number:.2f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID = ROOT + "9"
    ds.PositionReferenceIndicator = "SN"
    ds.SliceLocation = f"{-1.25 * number:.2f}"
    ds.PixelSpacing = ["0.703125", "0.703125"]
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.ProcedureCodeSequence = Sequence([code("P5-08000", "SRT", "CT of chest")])
    request = Dataset()
    request.RequestedProcedureID = "RP88112"
    request.ScheduledProcedureStepDescription = "CT chest, Mrs Prentice, ward 4"
    ds.RequestAttributesSequence = Sequence([request])
    block = ds.private_block(0x0009, "GEMS_IDEN_01", create=True)
    block.add_new(0x01, "LO", "CT_LIGHTSPEED")
    block.add_new(0x02, "SH", "CT02")
    block.add_new(0x30, "SH", "PRENTICE G")
    acquisition = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for element in range(0x02, 0x40):
        acquisition.add_new(element, "DS", f"{element * 1.5:.6f}")
    blob = ds.private_block(0x0025, "GEMS_SERS_01", create=True)
    blob.add_new(0x1B, "OB", b"PRENTICE^GWENLLIAN RJ7731945 " * 40)


def body(rng):
    """A section of a trunk in stored values: skin, lungs, spine, noise of the scanner."""
    y, x = np.mgrid[0:512, 0:512].astype(np.float32)
    hu = np.full((512, 512), -1000, np.float32)

    def ellipse(cx, cy, rx, ry, value):
        hu[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1] = value

    ellipse(256, 266, 190, 140, -90)
    ellipse(256, 266, 178, 128, 45)
    ellipse(170, 250, 62, 88, -840)
    ellipse(342, 250, 62, 88, -840)
    ellipse(256, 345, 24, 22, 260)
    ellipse(286, 275, 44, 40, 120)
    for cx, cy in ((110, 200), (402, 200), (105, 320), (407, 320)):
        ellipse(cx, cy, 12, 8, 420)
    return np.where(hu > -999, hu, -1000) + rng.normal(0, 14, hu.shape)


def make_ct(folder, count):
    os.makedirs(folder)
    rng = np.random.default_rng(7)
    section = body(rng)
    for i in range(1, count + 1):
        ds = start("1.2.840.10008.5.1.4.1.1.2", "1", "2", i)
        describe_ct(ds, i)
        ds.Rows = ds.Columns = 512
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        noisy = np.roll(section, i % 5, axis=1) + rng.normal(0, 6, section.shape)
        ds.PixelData = (noisy + 1024).clip(0, 4095).astype("<i2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.is_little_endian, ds.is_implicit_VR = True, False
        ds.save_as(f"{folder}/{i:04d}.dcm", write_like_original=False)


def sector(rng):
    y, x = np.mgrid[0:768, 0:1024].astype(np.float32)
    r = np.hypot(x - 512, y - 40)
    angle = np.abs(np.arctan2(x - 512, y - 40))
    inside = (r > 60) & (r < 660) & (angle < 0.65)
    speckle = rng.rayleigh(34, (768, 1024)) * (1 + 0.5 * np.sin(r / 37) * np.cos(angle * 9))
    grains = Image.fromarray(np.where(inside, 2.2 * speckle, 0).clip(0, 255).astype(np.uint8))
    return np.asarray(grains.filter(ImageFilter.GaussianBlur(1.6))) * inside  # as wide as a beam is


def make_us(folder, count):
    os.makedirs(folder)
    rng = np.random.default_rng(8)
    large, small = ImageFont.truetype(FONT, 17), ImageFont.truetype(FONT, 12)
    for i in range(1, count + 1):
        image = Image.merge("RGB", [Image.fromarray(sector(rng).astype(np.uint8))] * 3)
        draw = ImageDraw.Draw(image)
        draw.text((14, 8), "PRENTICE, Gwenllian Mair  F 14/03/1958", (255, 255, 255), large)
        draw.text((14, 32), "RJ7731945    Prince Philip Hospital", (230, 230, 230), small)
        draw.text((820, 8), "18/04/2026 10:15:30", (255, 255, 255), small)
        draw.text((820, 26), "MI 1.1  TIs 0.4", (200, 220, 120), small)
        for k in range(9):
            draw.text((10, 120 + 60 * k), f"{2 * k} cm", (200, 200, 200), small)
        ds = start("1.2.840.10008.5.1.4.1.1.6.1", "3", "4", i)
        ds.Modality = "US"
        ds.Manufacturer = "Samsung Medison"
        ds.StudyDescription = "US Abdomen"
        ds.ImageType = ["ORIGINAL", "PRIMARY"]
        ds.Rows, ds.Columns = 768, 1024
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"
        ds.PlanarConfiguration = 0
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
        ds.PixelData = np.asarray(image).tobytes()
        ds["PixelData"].VR = "OB"
        ds.is_little_endian, ds.is_implicit_VR = True, False
        ds.save_as(f"{folder}/{i:04d}.dcm", write_like_original=False)


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    make_ct(sys.argv[1] + "/ct", count)
    make_us(sys.argv[1] + "/us", 20)


main()
