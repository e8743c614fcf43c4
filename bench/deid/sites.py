# SPDX-License-Identifier: Apache-2.0
"""Where identities hide: one function a kind of site (PS3.15 Annex E and what tools miss), each plants into a case and says what."""
import datetime
import re

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

import pictures
from bases import code, items, uid

SITES = {}


def site(*kinds, weight=1, whole=None):
    """whole: the verdict that the case must have, where it is not 'released'."""
    def register(function):
        SITES[function.__name__] = (function, kinds, weight, whole)
        return function
    return register


PICTURED = ("CT", "MR", "CR", "DX", "US", "USM", "PT")
FORM = {"DA": lambda p, r: p.born.strftime("%Y%m%d"), "DT": lambda p, r: p.born.strftime("%Y%m%d") + "101112", "TM": lambda p, r: "%02d1731.%06d" % (r.randrange(24), r.randrange(10**6)),
        "PN": lambda p, r: "%s^%s" % (p.family, p.given), "UI": lambda p, r: uid(r), "LO": lambda p, r: p.anything(r)[:64], "SH": lambda p, r: p.hospital_number,
        "ST": lambda p, r: "%s said %s" % (p.names(r), p.number(r)), "LT": lambda p, r: "Seen by %s on %s" % (p.place(r), p.date(r)),
        "UT": lambda p, r: "%s %s" % (p.names(r), p.contact(r)), "UC": lambda p, r: p.names(r), "UR": lambda p, r: "http://pacs.example/" + p.hospital_number,
        "AE": lambda p, r: (p.town.upper()[:10] + "_CT1"), "CS": lambda p, r: p.family.upper().replace("'", "").replace("-", " ")[:16], "AS": lambda p, r: "%03dY" % p.age,
        "DS": lambda p, r: p.nhs, "IS": lambda p, r: p.nhs[:9], "OB": lambda p, r: ("<name>%s %s</name>" % (p.given, p.family)).encode().ljust(64),
        "UN": lambda p, r: ("%s %s" % (p.given, p.family)).encode().ljust(64), "OW": lambda p, r: (p.nhs + p.family).encode().ljust(64), "US": lambda p, r: 4711, "UL": lambda p, r: 4711,
        "FD": lambda p, r: 4711.25, "FL": lambda p, r: 4711.25, "SS": lambda p, r: 4711, "SL": lambda p, r: 4711, "AT": lambda p, r: 0x00100010}


def table(path):
    import csv
    with open(path, encoding="utf-8") as f:
        rows = [line for line in f if not line.startswith("#")]
    return list(csv.DictReader(rows))


def tag_of(text):
    digits = text.strip("()").replace(",", "")
    return Tag(int(digits, 16)) if re.fullmatch("[0-9A-Fa-f]{8}", digits) else None


def put(d, tag, vr, value):
    if tag not in d and vr in FORM and tag.group > 2:
        d[tag] = DataElement(tag, vr, value)
        return True
    return False


def deep(d, levels, private=False):
    """A data set `levels` sequences further down, in attributes that are kept."""
    for level in range(levels):
        item = Dataset()
        if private:
            block = d.private_block(0x0029, "ACME NEST", create=True)
            block.add_new(0x10, "SQ", Sequence([item]))
        else:
            d.AnatomicRegionSequence = Sequence([item])
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "51185008", "SCT", "Chest"
        d = item
    return d


@site(*PICTURED, weight=4)
def table_rows(c, facts):
    """Rows of Table E.1-1 at a depth of 0, 1 or 5, in standard or private sequences."""
    rng, p = c.rng, c.person
    d = deep(c.d, rng.choice([0, 0, 1, 5]), rng.random() < 0.2)
    for row in rng.sample(facts["e1_1"], 12):
        tag = tag_of(row["tag"])
        vr = row["vr"].split(" ")[0]
        if tag is None or vr in ("SQ", "") or row["basic_profile"].startswith("K") or vr not in FORM:
            continue
        value = FORM[vr](p, rng)
        if put(d, tag, vr, value) and vr in ("PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "UI", "DA", "DT", "AE"):
            c.plant("table_rows", value)


@site(*PICTURED, weight=4)
def off_table(c, facts):
    """Text attributes that the table does not list, retired and unknown ones, and misused VRs."""
    rng, p = c.rng, c.person
    d = deep(c.d, rng.choice([0, 0, 1, 3]))
    for row in rng.sample(facts["others"], 10):
        value = FORM[row["vr"]](p, rng)
        if put(d, tag_of(row["tag"]), row["vr"], value):
            c.plant("off_table", value.decode().strip() if isinstance(value, bytes) else value)
    name = "%s %s" % (p.given, p.family)
    if put(d, Tag(0x00189FF2), "LO", name):
        c.plant("off_table", name)


@site(*PICTURED, weight=3)
def private(c, facts):
    rng, p = c.rng, c.person
    name = "%s %s" % (p.family, p.given)
    form = rng.randrange(5)
    block = c.d.private_block(0x0009 + 2 * rng.randrange(20), rng.choice(["ACME HEADER", "SIEMENS CSA HEADER", "GEMS_IDEN_01", "Philips Imaging DD 001"]), create=True)
    if form == 0:
        block.add_new(0x01, "LO", name)
        block.add_new(0x02, "IS", p.nhs[:9])
    elif form == 1:
        block.add_new(0x10, "OB", ("<?xml version='1.0'?><patient><name>%s</name><dob>%s</dob></patient>" % (name, p.born)).encode())
    elif form == 2:
        block.add_new(0x11, "UN", name.encode())
        c.d.add_new(Tag(block.group, 0x0008 + 0x1000), "UN", p.hospital_number.encode())  # no creator at all
    elif form == 3:
        item = Dataset()
        item.PatientName, item.PatientID = p.pn(), p.hospital_number
        block.add_new(0x12, "SQ", Sequence([item]))
    else:  # says of itself that it is safe
        block.add_new(0x01, "LO", name)
        safe = Dataset()
        safe.PrivateGroupReference, safe.PrivateCreatorReference, safe.BlockIdentifyingInformationStatus = block.group, block.private_creator, "SAFE"
        c.d.PrivateDataElementCharacteristicsSequence = Sequence([safe])
    c.plant("private", name, p.born, p.hospital_number)


@site(*PICTURED, weight=4)
def free_text(c, facts):
    """A name inside of a useful phrase."""
    rng, p = c.rng, c.person
    keyword, long = rng.choice([("StudyDescription", False), ("SeriesDescription", False), ("ProtocolName", False), ("ImageComments", True), ("AdditionalPatientHistory", True),
                                ("RequestedProcedureDescription", False), ("PerformedProcedureStepDescription", False), ("DerivationDescription", True), ("AcquisitionComments", True)])
    what = p.anything(rng)
    phrase = rng.choice(["%s for %s ?PE", "%s %s", "%s [%s] post contrast", "%s - %s - repeat", "%s;%s;axial"]) % (c.keep_words, what)
    value = phrase[:None if long else 64]
    setattr(c.d, keyword, value)
    for part in ([what] if len(what) > 5 and what in value else []):
        c.plant("free_text", part)
    if p.family in what and p.family in value:
        c.plant("free_text", p.family)


@site("CT", "MR", "DX")
def word_names(c, facts):
    """Dr. Hand is not the left hand."""
    rng, p = c.rng, c.person
    doctor = rng.choice(["Hand", "Foot", "Temple", "Bone", "Head", "Young", "Long"])
    c.d.SeriesDescription = "LEFT HAND" if doctor == "Hand" else "FOOT AP" if doctor == "Foot" else "LONG BONE SURVEY" if doctor in ("Bone", "Long") else "T1 AXIAL"
    c.keep.append(("SeriesDescription", c.d.SeriesDescription))
    c.keep_words = None
    c.d.StudyDescription = rng.choice(["XR wrist, Dr. %s to review", "Requested by Mr %s", "%s^Margaret chest", "Prof %s clinic MRI"]) % doctor
    c.plant("word_names", "Dr. " + doctor, "Mr " + doctor, doctor + "^", "Prof " + doctor)


@site("CT", "MR", "US")
def dates(c, facts):
    rng, p = c.rng, c.person
    other = p.study - datetime.timedelta(days=rng.choice([1, 7, 400]))
    c.d.ImageComments = "Compared with %s and %s" % (p.date(rng, other), p.date(rng, p.born))
    c.d.add_new(0x00181012, "DA", other.strftime("%Y%m%d"))
    c.d.add_new(0x00400244, "DA", other.strftime("%Y%m%d"))
    c.d.add_new(0x0040A13A, "DT", other.strftime("%Y%m%d120000"))
    c.d.add_new(0x00089123, "UI", "1.2.826.0.1.%s.12" % other.strftime("%Y%m%d"))
    c.plant("dates", other.strftime("%Y%m%d"), other.strftime("%d/%m/%Y"), other.strftime("%d %b %Y"), p.born.strftime("%d/%m/%Y"), p.born.strftime("%Y-%m-%d"))


@site("CT", "MR", "US")
def character_sets(c, facts):
    rng, p = c.rng, c.person
    name, declared, codec = rng.choice([("Müller^Jürgen", "ISO_IR 100", "latin-1"), ("Müller^Jürgen", "ISO_IR 192", "latin-1"), ("山田^太郎", "ISO_IR 192", "utf-8"),
                                        ("王^小东", "GB18030", "gb18030"), ("Люкceмбypг^Иван", "ISO_IR 144", "iso8859_5"), ("Δημοσθένης^Νίκος", "ISO_IR 126", "iso8859_7")])
    c.d.SpecificCharacterSet = declared
    raw = name.encode(codec)
    c.d[0x00100010] = DataElement(0x00100010, "UN", raw)
    c.d[0x00104000] = DataElement(0x00104000, "UN", b"history of " + raw.replace(b"^", b" "))
    c.plant("character_sets", name.split("^")[0])
    c.raw = raw.split(b"^")[0]


@site(*PICTURED, weight=2)
def container(c, facts):
    rng, p = c.rng, c.person
    name = ("%s %s %s" % (p.given, p.family, p.nhs)).encode("latin-1", "replace")
    form = rng.randrange(5)
    if form == 0:
        c.preamble = (b"II*\0" + name).ljust(128, b"\0")[:128]
    elif form == 1:
        c.d.file_meta.SourceApplicationEntityTitle = p.family.upper()[:16]
        c.d.file_meta.PrivateInformationCreatorUID, c.d.file_meta.PrivateInformation = uid(rng), name + b" " * (len(name) % 2)
    elif form == 2:
        c.d.add_new(0xFFFCFFFC, "OB", name + b" " * (len(name) % 2))
    elif form == 3:
        c.name = "%s_%s_%s" % (p.family, p.given, p.hospital_number)
    else:
        item = Dataset()
        item.Rows, item.Columns, item.SamplesPerPixel, item.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
        item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 8, 8, 7, 0
        mask, _ = pictures.written(p.family[:9], pictures.FONTS[0], 11)
        icon = np.zeros((64, 64), np.uint8)
        icon[5:5 + mask.shape[0], 1:1 + min(62, mask.shape[1])] = (mask[:, :62] * 255).astype(np.uint8)
        item.PixelData = icon.tobytes()
        item["PixelData"].VR = "OB"
        c.d.IconImageSequence = Sequence([item])
        c.d.add_new(0x00880904, "LO", name.decode("latin-1"))
    c.plant("container", p.nhs, p.family.upper()[:16], "%s %s" % (p.given, p.family))


@site("CT", "MR")
def encodings(c, facts):
    c.d.file_meta.TransferSyntaxUID = c.rng.choice([DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    if c.d.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
        c.d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        c.rle = True
    c.plant("encodings", c.person.family)


@site("CT", "DX")
def overlays(c, facts):
    rng, p, d = c.rng, c.person, c.d
    text = "%s %s" % (p.family, p.nhs)
    mask, letters = pictures.written(text, pictures.FONTS[1], 14)
    rows, columns = d.Rows, d.Columns
    plane = np.zeros((rows, columns), bool)
    plane[20:20 + mask.shape[0], 8:8 + min(columns - 8, mask.shape[1])] = mask[:, :columns - 8] > 0.5
    if rng.random() < 0.5:
        group = 0x6000 + 2 * rng.randrange(4)
        d.add_new(Tag(group, 0x0010), "US", rows)
        d.add_new(Tag(group, 0x0011), "US", columns)
        d.add_new(Tag(group, 0x0040), "CS", "G")
        d.add_new(Tag(group, 0x0050), "SS", [1, 1])
        d.add_new(Tag(group, 0x0100), "US", 1)
        d.add_new(Tag(group, 0x0102), "US", 0)
        packed = np.packbits(plane.ravel(), bitorder="little").tobytes()
        d.add_new(Tag(group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
        d.add_new(Tag(group, 0x4000), "LT", text)
        c.packed = packed.strip(b"\0")[:64]
    elif c.kind == "DX":  # in the bits above the stored ones
        c.pixels = c.pixels | (plane.astype(np.uint16) << 14)
        c.hidden = 0xF000
    c.plant("overlays", p.family, p.nhs)


@site("CT")
def curves(c, facts):
    p = c.person
    c.d.add_new(0x50002500, "LO", p.family)
    c.d.add_new(0x50003000, "OW", (p.nhs + p.family).encode().ljust(64))
    c.plant("curves", p.nhs, p.family)


@site("SR", weight=2)
def structured_report(c, facts):
    rng, p, d = c.rng, c.person, c.d
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.CompletionFlag, d.VerificationFlag, d.ValueType, d.ContinuityOfContent = "COMPLETE", "VERIFIED", "CONTAINER", "SEPARATE"
    d.ConceptNameCodeSequence = items(code("18748-4", "LN", "Diagnostic imaging report"))
    d.PerformedProcedureCodeSequence, d.ReferencedPerformedProcedureStepSequence = Sequence(), Sequence()
    verify = Dataset()
    verify.VerifyingObserverName, verify.VerifyingOrganization, verify.VerificationDateTime = p.consultant + "^Dr", p.hospital, p.study.strftime("%Y%m%d120000")
    verify.VerifyingObserverIdentificationCodeSequence = Sequence()
    d.VerifyingObserverSequence = items(verify)

    def item(kind, relation, name, **values):
        i = Dataset()
        i.RelationshipType, i.ValueType, i.ConceptNameCodeSequence = relation, kind, items(name)
        for k, v in values.items():
            setattr(i, k, v)
        return i
    length = Dataset()
    length.NumericValue, length.MeasurementUnitsCodeSequence = "23.5", items(code("mm", "UCUM", "mm"))
    finding = "Mass in the right upper lobe. Discussed with %s on %s. %s" % (p.names(rng), p.date(rng), p.number(rng))
    d.ContentSequence = items(item("PNAME", "HAS OBS CONTEXT", code("121008", "DCM", "Person Observer Name"), PersonName=p.consultant + "^A"),
                              item("PNAME", "HAS OBS CONTEXT", code("121029", "DCM", "Subject Name"), PersonName=p.pn()),
                              item("TEXT", "HAS OBS CONTEXT", code("121030", "DCM", "Subject ID"), TextValue=p.hospital_number),
                              item("DATE", "HAS OBS CONTEXT", code("121031", "DCM", "Subject Birth Date"), Date=p.born.strftime("%Y%m%d")),
                              item("TEXT", "CONTAINS", code("121071", "DCM", "Finding"), TextValue=finding),
                              item("NUM", "CONTAINS", code("410668003", "SCT", "Length"), MeasuredValueSequence=items(length)))
    c.plant("structured_report", p.family, p.hospital_number, p.consultant, p.nhs, p.born.strftime("%Y%m%d"), p.hospital)
    c.facts_by_search = ["23.5"]


@site("CT", "DX")
def signatures(c, facts):
    p, d = c.person, c.d
    attributes = Dataset()
    modified = Dataset()
    modified.PatientName, modified.PatientID = p.pn(), p.hospital_number
    attributes.ModifiedAttributesSequence, attributes.AttributeModificationDateTime = items(modified), p.study.strftime("%Y%m%d120000")
    attributes.ModifyingSystem, attributes.SourceOfPreviousValues, attributes.ReasonForTheAttributeModification = p.hospital[:64], p.hospital[:64], "CORRECT"
    d.OriginalAttributesSequence = items(attributes)
    c.plant("signatures", p.family.upper(), p.hospital_number)


@site("US", "USM")
def stream_comments(c, facts):
    p = c.person
    c.jpeg = ("%s %s %s" % (p.given, p.family, p.nhs)).encode("latin-1", "replace")
    c.plant("stream_comments", p.nhs, "%s %s" % (p.given, p.family))


@site("PR")
def presentation(c, facts):
    """Text and marks laid over somebody else's picture."""
    rng, p, d = c.rng, c.person, c.d
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.ContentLabel, d.ContentDescription, d.ContentCreatorName = "ANNOTATED", "Marked for %s" % p.names(rng), p.consultant + "^Dr"
    d.PresentationCreationDate, d.PresentationCreationTime, d.PresentationLUTShape = p.study.strftime("%Y%m%d"), "101112", "IDENTITY"
    image, series = Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid(rng)
    series.SeriesInstanceUID, series.ReferencedImageSequence = uid(rng), items(image)
    d.ReferencedSeriesSequence = items(series)
    text, note, layer, area = Dataset(), Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue, text.AnchorPointAnnotationUnits, text.AnchorPoint, text.AnchorPointVisibility = "Mass, seen by %s %s" % (p.names(rng), p.date(rng)), "PIXEL", [10.0, 10.0], "N"
    note.ReferencedImageSequence, note.GraphicLayer, note.TextObjectSequence = items(image), "LAYER1", items(text)
    layer.GraphicLayer, layer.GraphicLayerOrder, layer.GraphicLayerDescription = "LAYER1", "1", "drawn by " + p.consultant
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner, area.PresentationSizeMode, area.PresentationPixelAspectRatio = [1, 1], [384, 384], "SCALE TO FIT", [1, 1]
    d.GraphicAnnotationSequence, d.GraphicLayerSequence, d.DisplayedAreaSelectionSequence = items(note), items(layer), items(area)
    c.plant("presentation", p.family, p.consultant, image.ReferencedSOPInstanceUID, series.SeriesInstanceUID)


@site("KO")
def key_objects(c, facts):
    rng, p, d = c.rng, c.person, c.d
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image, series, study, mention, words = Dataset(), Dataset(), Dataset(), Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid(rng)
    series.SeriesInstanceUID, series.ReferencedSOPSequence = uid(rng), items(image)
    study.StudyInstanceUID, study.ReferencedSeriesSequence = d.StudyInstanceUID, items(series)
    d.CurrentRequestedProcedureEvidenceSequence, d.ReferencedPerformedProcedureStepSequence = items(study), Sequence()
    d.ValueType, d.ContinuityOfContent, d.ConceptNameCodeSequence = "CONTAINER", "SEPARATE", items(code("113000", "DCM", "Of Interest"))
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    d.ContentTemplateSequence = items(template)
    words.RelationshipType, words.ValueType, words.ConceptNameCodeSequence = "CONTAINS", "TEXT", items(code("113012", "DCM", "Key Object Description"))
    words.TextValue = "Shown to %s on %s" % (p.names(rng), p.date(rng))
    mention.RelationshipType, mention.ValueType, mention.ReferencedSOPSequence = "CONTAINS", "IMAGE", items(image)
    d.ContentSequence = items(words, mention)
    c.plant("key_objects", p.family, image.ReferencedSOPInstanceUID, series.SeriesInstanceUID)


@site("PDF", whole="refused")
def documents(c, facts):
    p, d = c.person, c.d
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.BurnedInAnnotation, d.MIMETypeOfEncapsulatedDocument, d.DocumentTitle = "YES", "application/pdf", "Letter for " + p.family
    d.ConceptNameCodeSequence, d.ConversionType = Sequence(), "WSD"
    d.EncapsulatedDocument = ("%%PDF-1.4\n%% letter about %s %s\n" % (p.given, p.family)).encode("latin-1", "replace").ljust(512)
    c.plant("documents", p.family)


# --- text in the picture ---------------------------------------------------------------------------------------------

def lines_for(c, rng):
    p = c.person
    return [rng.choice(["%s, %s" % (p.family.upper(), p.given.upper()), "%s %s" % (p.given, p.family), "DOB %s" % p.born.strftime("%d/%m/%Y"), p.nhs, "ID: " + p.hospital_number,
                        p.hospital.upper(), "Dr " + p.consultant, p.study.strftime("%d %b %Y"), p.accession]) for _ in range(rng.randrange(1, 4))]


def span(pixels):
    """Darkest and brightest value that text may take."""
    return (0, 255) if pixels.dtype == np.uint8 else (int(pixels.min()), int(pixels.max()))


def burn(c, rng, mask, letters, text, frames, level, opaque=False, delta=None):
    pixels = c.pixels
    stack = pixels if (pixels.ndim == (4 if pixels.shape[-1] == 3 else 3)) else pixels[None]
    rows, columns = stack.shape[1:3]
    mask, letters = mask[:rows - 4, :columns - 4], letters[:rows - 4, :columns - 4]
    h, w = mask.shape
    for _ in range(60):  # not over another line
        y, x = rng.randrange(0, rows - h - 1), rng.randrange(0, columns - w - 1)
        if all(y > b[1] + b[3] + 3 or b[1] > y + h + 3 or x > b[0] + b[2] + 3 or b[0] > x + w + 3 for b in (line["box"] for line in c.lines)):
            break
    else:
        return
    for f in frames:
        region = stack[f, y:y + h, x:x + w]
        m = mask[..., None] if region.ndim == 3 else mask
        under = region.astype(np.float32)
        if opaque:
            under = np.full_like(under, span(pixels)[0] if np.mean(level) > np.mean(span(pixels)) else span(pixels)[1])
        over = under + delta if delta is not None else np.broadcast_to(np.asarray(level, np.float32), under.shape)
        info = np.iinfo(pixels.dtype)
        region[...] = np.clip(np.rint(under * (1 - m) + over * m), info.min, info.max).astype(pixels.dtype)
    c.lines.append({"box": [x, y, w, h], "frames": list(frames), "text": len(text), "letters": letters.astype(np.uint8), "mask": (mask * 255).astype(np.uint8)})


def textual(c, rng, sizes, angle=0, mirrored=False, contrast=1.0, opaque=False, colour=None, frames=None, font=None):
    low, high = span(c.pixels)
    count = 1 if c.pixels.ndim == 2 or (c.pixels.ndim == 3 and c.pixels.shape[-1] == 3) else c.pixels.shape[0]
    for text in lines_for(c, rng):
        mask, letters = pictures.written(text, font or rng.choice(pictures.FONTS), rng.randrange(*sizes), angle, mirrored)
        if mask.shape[1] > 0.9 * c.d.Columns or mask.shape[0] > 0.9 * c.d.Rows:
            mask, letters = pictures.written(text[:12], pictures.FONTS[0], sizes[0], angle, mirrored)
        level = colour if colour is not None and c.pixels.shape[-1] == 3 else low + (high - low) * contrast
        burn(c, rng, mask, letters, text, frames or range(count), level, opaque)


@site("CT", "MR", "DX", "US", "USM", "PT", weight=6)
def pixel_text(c, facts):
    textual(c, c.rng, (9, 28), contrast=c.rng.choice([1, 1, 0.9, 0.0]), opaque=c.rng.random() < 0.3)


@site("CT", "US", "DX", weight=2)
def pixel_small(c, facts):
    textual(c, c.rng, (7, 10), opaque=True)


@site("DX", "CR", "US")
def pixel_large(c, facts):
    textual(c, c.rng, (28, 42))


@site("CT", "MR", "US", weight=2)
def pixel_faint(c, facts):
    """Text a few grey levels above what lies beneath."""
    rng = c.rng
    low, high = span(c.pixels)
    textual_delta = max(1, round((high - low) * rng.choice([0.06, 0.12, 0.2])))
    for text in lines_for(c, rng):
        mask, letters = pictures.written(text, rng.choice(pictures.FONTS), rng.randrange(14, 26))
        if mask.shape[1] < c.d.Columns - 8:
            burn(c, rng, np.round(mask), letters, text, range(1 if c.kind != "USM" else c.pixels.shape[0]), 0, delta=textual_delta)


@site("CT", "DX")
def pixel_one_level(c, facts):
    """One grey level above a flat ground: nobody sees it, it is there."""
    rng = c.rng
    flat = c.pixels[:60]
    flat[...] = flat.min()
    text = "%s %s" % (c.person.family, c.person.nhs)
    mask, letters = pictures.written(text, rng.choice(pictures.FONTS), 16)
    mask, letters = np.round(mask)[:, :c.d.Columns - 8], letters[:, :c.d.Columns - 8]
    region = c.pixels[20:20 + mask.shape[0], 4:4 + mask.shape[1]]
    region += mask.astype(c.pixels.dtype)
    c.lines.append({"box": [4, 20, mask.shape[1], mask.shape[0]], "frames": [0], "text": len(text), "letters": letters.astype(np.uint8), "mask": (mask * 255).astype(np.uint8)})


@site("DX", "CR", "US")
def pixel_turned(c, facts):
    textual(c, c.rng, (12, 26), angle=c.rng.choice([90, 180, 270, 5, -7]), opaque=False)


@site("DX", "CR")
def pixel_mirrored(c, facts):
    textual(c, c.rng, (14, 30), mirrored=True)


@site("US", "USM", "SC")
def pixel_coloured(c, facts):
    textual(c, c.rng, (11, 24), colour=c.rng.choice([(255, 255, 0), (0, 255, 0), (255, 80, 80), (90, 160, 255), (255, 128, 0)]))


@site("US", "USM")
def pixel_compressed(c, facts):
    textual(c, c.rng, (12, 24), opaque=c.rng.random() < 0.5)
    c.jpeg = b""


@site("USM")
def pixel_some_frames(c, facts):
    frames = c.pixels.shape[0]
    textual(c, c.rng, (12, 24), frames=[c.rng.randrange(frames)])


@site("USM")
def pixel_moving(c, facts):
    for f in range(c.pixels.shape[0]):
        textual(c, c.rng, (13, 20), frames=[f])


@site("DX", "CR")
def pixel_handwriting(c, facts):
    low, high = span(c.pixels)
    for text in lines_for(c, c.rng)[:2]:
        mask, letters = pictures.handwritten(c.rng, text[:14], c.rng.randrange(18, 34))
        if mask.shape[1] < c.d.Columns - 8:
            burn(c, c.rng, mask, letters, text, [0], high)


@site("DX", "CR")
def pixel_sticker(c, facts):
    textual(c, c.rng, (12, 20), contrast=0.0, opaque=True)


@site("SC", weight=2)
def pixel_screen(c, facts):
    """A dose report: a page of text."""
    rng, p = c.rng, c.person
    for i, text in enumerate(["Patient Name: " + p.pn().replace("^", " "), "Exam no: " + p.accession, p.study.strftime("%d %b %Y"), p.hospital, "Total DLP: 512 mGy-cm",
                              "Patient ID: " + p.hospital_number, "Series  Type  Scan Range  CTDIvol  DLP", "2  Helical  I20-I450  8.1  390"]):
        mask, letters = pictures.written(text, pictures.FONTS[0], 13)
        mask, letters = mask[:, :500], letters[:, :500]
        y = 20 + i * 40
        region = c.pixels[y:y + mask.shape[0], 6:6 + mask.shape[1]]
        region[...] = (mask[..., None] * 255).astype(np.uint8)
        c.lines.append({"box": [6, y, mask.shape[1], mask.shape[0]], "frames": [0], "text": len(text), "harmless": i in (4, 6, 7), "letters": letters.astype(np.uint8), "mask": (mask * 255).astype(np.uint8)})


@site("DX", "SC", "US")
def pixel_code(c, facts):
    rng, p = c.rng, c.person
    low, high = span(c.pixels)
    cells = pictures.matrix_code(p.nhs + " " + p.family, rng.randrange(2, 5)) if rng.random() < 0.6 else pictures.bar_code(p.hospital_number, rng.randrange(1, 3), rng.randrange(24, 50))
    if cells.shape[0] < c.d.Rows - 8 and cells.shape[1] < c.d.Columns - 8:
        burn(c, rng, 1 - cells, np.ones(cells.shape, np.int32), "#", [0], high, opaque=True)


# --- nothing planted but the header: what must come through ----------------------------------------------------------

@site("CT", "MR", "DX", "US", "USM", "PT", weight=12)
def clean(c, facts):
    c.clean = True


@site("DX", "CR")
def markers(c, facts):
    """A side marker is no identity."""
    mask, letters = pictures.written(c.rng.choice(["L", "R"]), pictures.FONTS[0], 40)
    y, x = 24, 24
    c.pixels[y:y + mask.shape[0], x:x + mask.shape[1]] = np.maximum(c.pixels[y:y + mask.shape[0], x:x + mask.shape[1]], (mask * int(c.pixels.max())).astype(c.pixels.dtype))
    c.marker = [x, y, mask.shape[1], mask.shape[0]]
    c.clean = True
