# SPDX-License-Identifier: Apache-2.0
"""Invented people of the United Kingdom, seeded: nobody of these exists, their numbers only obey the same check digits."""
import datetime

GIVEN_F = """Agnes Aisha Angharad Annika Beatrice Bethan Bronwen Carys Catriona Chidinma Clara Deepika Eilidh Eleri Faith Fatima
Fiona Grace Gwenllian Harriet Holly Ingrid Iris Ivy Jean Joy Kavita Kirsty Lakshmi Lily Mairi Margaret Marjorie May Mei Mhairi Moira
Nia Niamh Olive Olwen Parveen Poppy Priya Rhiannon Rose Ruby Sakura Siobhan Sioned Sunita Thandiwe Una Violet Winifred Zofia""".split()
GIVEN_M = """Abdul Alasdair Angus Arjun Basil Bill Bogdan Callum Cedric Christian Cledwyn Dafydd Declan Duncan Emrys Euan Fergus Frank
Gareth Geraint Glen Grant Gurpreet Hamish Harjit Hywel Iain Idris Imran Jack Kwame Liam Llewelyn Mark Mohammed Neil Oluwaseun Owain
Padraig Peter Piotr Rajesh Rhodri Roderick Ruaridh Ryszard Sean Tariq Terence Tomasz Torquil Victor Wei Will Yusuf Zbigniew""".split()
FAMILY = """Abernethy Achterberg Adeyemi Ahmed ap-Rhys Arkwright Balakrishnan Banerjee Bevan Blenkinsop Boateng Bone Bonnington
Bramhall Braithwaite Cadwallader Carmichael Chakrabarti Chester Cholmondeley Clutterbuck Cruickshank Dalgleish Davies-Wynne
Drinkwater Entwistle Featherstonehaugh Foot Fotheringham Galbraith Gruffydd Gunn Hand Head Heathcote Higginbotham Hussain Illingworth
Iqbal Jayasuriya Kaczmarek Kirkpatrick Krishnamurthy Legg Lightfoot Llewellyn Long Longbottom MacGillivray MacIntyre Mahmood
McCorquodale Mukherjee Nwosu O'Callaghan O'Shaughnessy Okonkwo Oyelaran Palethorpe Postlethwaite Prendergast Pritchard Ramasubramanian
Ravenscroft Rhydderch Rowbotham Sidebottom Singh-Dhaliwal Skinner Smethwick Somasundaram Sproule Stirling Strachan Szczepanski Tattersall
Temple Thistlethwaite Threlfall Tomlinson Trelawney Uttley Vaidyanathan Wojciechowski Wolstenholme Wrigglesworth Young""".split()
TOWNS = [("Bangor", "LL57 2PW"), ("Wrexham", "LL13 7TD"), ("Paisley", "PA2 9PN"), ("Kilmarnock", "KA2 0BE"), ("Craigavon", "BT63 5QQ"),
         ("Truro", "TR1 3LJ"), ("Hereford", "HR1 2ER"), ("Whitehaven", "CA28 8JG"), ("Scunthorpe", "DN15 7BH"), ("Lowestoft", "NR33 0AE"),
         ("Aberystwyth", "SY23 1ER"), ("Stornoway", "HS1 2AF"), ("Banbury", "OX16 9AL"), ("Grimsby", "DN33 2BA"), ("Dumfries", "DG2 8RX")]
STREETS = ["Tan-y-Bryn", "Gallowgate", "Mill Lane", "Church Street", "Heol Fawr", "Acacia Avenue", "Causewayside", "Penny Lane"]
SPECIALTIES = ["Orthopaedics", "Respiratory", "Stroke", "Oncology", "Paediatrics", "Urology"]


def mod11(nine):
    """The check digit of a ten digit number, or None where there is none."""
    rest = 11 - sum(int(d) * (10 - i) for i, d in enumerate(nine)) % 11
    return {11: "0", 10: None}.get(rest, str(rest))


def nhs(rng):
    while True:
        nine = str(rng.choice([4, 6, 7])) + "".join(str(rng.randrange(10)) for _ in range(8))
        if mod11(nine) is not None:
            return nine + mod11(nine)


def chi(rng, born):
    while True:
        nine = born.strftime("%d%m%y") + "".join(str(rng.randrange(10)) for _ in range(3))
        if mod11(nine) is not None:
            return nine + mod11(nine)


class Person:
    def __init__(self, rng):
        self.sex = rng.choice("FM")
        self.given = rng.choice(GIVEN_F if self.sex == "F" else GIVEN_M)
        self.middle = rng.choice(GIVEN_F if self.sex == "F" else GIVEN_M)
        self.family = rng.choice(FAMILY)
        self.study = datetime.date(2012, 1, 1) + datetime.timedelta(days=rng.randrange(5000))
        self.age = rng.randrange(19, 97)
        self.born = self.study - datetime.timedelta(days=int(self.age * 365.25) + rng.randrange(5, 350))
        self.age = (self.study - self.born).days * 4 // 1461
        self.nhs, self.chi = nhs(rng), chi(rng, self.born)
        self.hospital_number = rng.choice("ABCDEHKMPRX") + str(rng.randrange(1000000, 9999999))
        self.accession = rng.choice(["RAX", "RBD", "RW", ""]) + str(rng.randrange(10**7, 10**8))
        self.ni = "".join(rng.choice("ABCEGHJKLMPRSTWXYZ") for _ in range(2)) + str(rng.randrange(10**5, 10**6)) + rng.choice("ABCD")
        self.town, self.postcode = rng.choice(TOWNS)
        self.address = "%d %s" % (rng.randrange(2, 200), rng.choice(STREETS))
        self.phone = "07%03d %06d" % (rng.randrange(100, 1000), rng.randrange(10**6))
        self.hospital = rng.choice(["Ysbyty %s", "%s General Hospital", "Royal %s Infirmary", "St Asaph's Hospital, %s"]) % self.town
        self.ward = "Ward %d%s" % (rng.randrange(2, 60), rng.choice("ABCD"))
        self.consultant = rng.choice(FAMILY)
        self.gmc = str(rng.randrange(2000000, 7999999))
        self.radiographer = rng.choice(GIVEN_F)[0] + rng.choice(FAMILY)
        self.specialty = rng.choice(SPECIALTIES)

    def pn(self):
        return "%s^%s^%s" % (self.family.upper(), self.given.upper(), self.middle.upper())

    def names(self, rng):
        """The name as people write it, one of its forms, with what must not be found of it."""
        g, f = self.given, self.family
        form = rng.choice(["%s %s" % (g, f), "%s, %s" % (f, g), "%s %s" % (f.upper(), g), "%s. %s" % (g[0], f), "%s %s" % (f, g[0]),
                           "%s/%s" % (f.upper(), g.upper()), "Mr %s" % f if self.sex == "M" else "Mrs %s" % f, "%s_%s" % (f, g)])
        return form

    def date(self, rng, which=None):
        d = which or rng.choice([self.born, self.study])
        return rng.choice([d.strftime("%d/%m/%Y"), d.strftime("%d.%m.%y"), d.strftime("%Y-%m-%d"), d.strftime("%d %b %Y"), d.strftime("%Y%m%d"),
                           "%d %s %d" % (d.day, d.strftime("%B"), d.year), d.strftime("%d-%b-%y")])

    def number(self, rng):
        n = self.nhs
        return rng.choice([n, "%s %s %s" % (n[:3], n[3:6], n[6:]), "NHS No %s-%s-%s" % (n[:3], n[3:6], n[6:]), "CHI " + self.chi, self.hospital_number,
                           "MRN " + self.hospital_number, self.accession, self.ni])

    def contact(self, rng):
        return rng.choice([self.phone, self.postcode, "%s, %s %s" % (self.address, self.town, self.postcode),
                           "%s.%s@example.org" % (self.given.lower(), self.family.lower().replace("'", ""))])

    def place(self, rng):
        return rng.choice([self.hospital, self.ward, "Dr %s" % self.consultant, "Consultant: Prof. %s, GMC %s" % (self.consultant, self.gmc)])

    def anything(self, rng):
        return rng.choice([self.names, self.names, self.date, self.number, self.contact, self.place])(rng)
