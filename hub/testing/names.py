"""Words that synthetic people are made of: common names, invented employers, titles.

The given names and surnames are common in Finland and belong to nobody in particular; employers
are invented, and every domain is under `.example` (RFC 2606), which nobody can own.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


FINNISH_GIVEN = (
    _words("""
        Aino Helmi Eevi Sofia Olivia Lilja Venla Elsa Isla Aada Hilla Pihla Maria Anneli Johanna
        Kaarina Marjatta Hannele Liisa Kristiina Tuulikki Anna Päivi Sirpa Ritva Leena Pirjo Minna
        Satu Tiina Marja Riitta Eila Seija Jaana Heli Anu Mari Hanna Laura Emilia Katariina Elina
        Susanna Mirja Päivikki
    """),
    _words("""
        Väinö Leo Oliver Elias Eino Onni Toivo Noel Emil Oiva Juhani Olavi Antero Tapani Johannes
        Tapio Mikael Kalevi Matti Pekka Timo Kari Mikko Antti Jari Jukka Markku Heikki Hannu Petri
        Sami Janne Ville Marko Juha Teemu Tuomas Lauri Eero Niko Joonas Aleksi Kyösti Yrjö
    """),
)
"""Women's and men's."""

SWEDISH_GIVEN = (
    _words("""
        Åsa Gunilla Birgitta Margareta Linnéa Ingrid Astrid Ebba Elin Saga Maj Camilla Annika Carina
    """),
    _words("""
        Göran Håkan Åke Björn Sören Mårten Anders Lars Erik Karl Gustav Rasmus Fredrik Henrik Kaj
    """),
)

FINNISH_SURNAMES = _words("""
    Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen Järvinen Lehtonen
    Lehtinen Saarinen Salminen Heinonen Niemi Heikkilä Salonen Kinnunen Turunen Salo Laitinen
    Tuominen Rantanen Karjalainen Jokinen Mattila Savolainen Lahtinen Ahonen Ojala Leppänen Hiltunen
    Kallio Räsänen Väisänen Leinonen Pitkänen Manninen Hakala Anttila Laaksonen Hirvonen Lehto Räty
    Miettinen Aaltonen Pesonen Hänninen Lindroos Mustonen Peltola Nurmi Kettunen Ranta Toivonen
    Harju Aalto Seppälä Mäki Kärkkäinen Väänänen Pöyhönen Öhman Äijälä Yli-Kokko Ala-Mäki Särkkä
    Tähtinen Hyvönen
""")

SWEDISH_SURNAMES = _words("""
    Johansson Nyman Lindholm Karlsson Andersson Eriksson Lindström Lindqvist Björklund Söderström
    Grönlund Sjöberg Åkerlund Åberg Nyström Holmström Sundström Österlund Wikström Bäckström Öhberg
    Långström Strandén Ekholm Granö Blomqvist
""")

JOB_TITLES = _lines("""
    Toimitusjohtaja
    Myyntijohtaja
    Markkinointipäällikkö
    Viestintäasiantuntija
    Tuotepäällikkö
    Hankintapäällikkö
    Palvelujohtaja
    Kehityspäällikkö
    Henkilöstöjohtaja
    Talousjohtaja
    Myyntiedustaja
    Asiakkuuspäällikkö
    Tapahtumatuottaja
    Ohjelmistokehittäjä
    Tietohallintojohtaja
    Yrittäjä
    Lehtori
    Graafinen suunnittelija
    Vt. toimistopäällikkö
""")
SWEDISH_TITLES = _lines("""
    Verkställande direktör
    Försäljningschef
    Kommunikatör
    Redaktör
    Lärare
""")

PLACES = _words("""
    Pohjolan Lakeuden Saimaan Näsijärven Kymijoen Tunturin Hämeen Uudenmaan Rannikon Saariston
    Kainuun Pirkan Karjalan Savon Keskisuomen Lounaan Itärajan Merenkurkun Päijänteen Oulujoen
    Vuoksen Lapin Turunmaan Kuusamon Ylämaan Åbolands Österbottens Nylands
""")

TRADES = _words("""
    Konepaja Leipomo Kirjapaino Tapahtumat Viestintä Puutarha Sähkö Rakennus Ohjelmistot Kuljetus
    Tilitoimisto Majatalo Elokuvat Kahvila Äänitys Valaisin Metsäpalvelu Kalatukku Veistämö
    Kehräämö Käsityö Pöytätehdas Luontomatkat Koulutus
""")

FORMS = _words("Oy Oy Oy Ab Ky Osuuskunta")

PRIVATE_DOMAINS = ["posti.example", "kirje.example", "sahkoposti.example", "brev.example"]

MAILBOXES = ["info", "myynti", "toimisto", "asiakaspalvelu", "laskutus", "office"]

NICKNAMES = {
    "Aleksi": "Ale",
    "Anna": "Anski",
    "Antti": "Antsa",
    "Eero": "Eeki",
    "Hannu": "Hanski",
    "Heikki": "Heka",
    "Johanna": "Jonna",
    "Jukka": "Juki",
    "Katariina": "Kata",
    "Kristiina": "Krisse",
    "Laura": "Lara",
    "Markku": "Make",
    "Matti": "Masa",
    "Mikael": "Mika",
    "Pekka": "Pekko",
    "Susanna": "Sanna",
    "Tapani": "Tape",
    "Tuomas": "Tomi",
    "Ville": "Vilho",
}

_FOLD = str.maketrans("åäöéÅÄÖÉ ", "aaoeAAOE-")


def ascii_fold(text: str) -> str:
    """As Finns spell their names in addresses: å and ä as a, ö as o; lower case."""
    return text.translate(_FOLD).lower()


def employers() -> list[tuple[str, str]]:
    """Every invented employer with its domain, in an order that mixes places and trades."""
    pairs = len(PLACES) * len(TRADES)
    found = []
    for n in range(pairs):
        step = n * 257 % pairs  # 257 shares no factor with the number of pairs
        place, trade = PLACES[step % len(PLACES)], TRADES[step // len(PLACES)]
        domain = f"{ascii_fold(place)}-{ascii_fold(trade)}.example"
        found.append((f"{place} {trade} {FORMS[n % len(FORMS)]}", domain))
    return found
