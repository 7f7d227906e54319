"""What a person is asked to do in a tool that the hub cannot reach, in fi, sv and en."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory

WORDS: Mapping[str, Mapping[str, str]] = {
    "locate": {
        "fi": "Selvitä, mitä tietoja henkilöstä on järjestelmässä {system}, ja kirjaa tulos.",
        "sv": "Ta reda på vilka uppgifter om personen som finns i {system}, och anteckna svaret.",
        "en": "Find out what {system} holds about the person, and record the result.",
    },
    "export": {
        "fi": "Hae henkilön kaikki tiedot järjestelmästä {system} ja liitä ne pyyntöön.",
        "sv": "Hämta personens alla uppgifter ur {system} och bifoga dem till ärendet.",
        "en": "Export everything that {system} holds about the person; attach it to the request.",
    },
    "rectify": {
        "fi": "Oikaise pyynnössä mainitut tiedot järjestelmässä {system}.",
        "sv": "Rätta de uppgifter som nämns i ärendet i {system}.",
        "en": "Correct in {system} the details that the request names.",
    },
    "clear": {
        "fi": "Tyhjennä järjestelmästä {system} tiedot, jotka on saatu vain toiselta yritykseltä.",
        "sv": "Töm i {system} de uppgifter som kommer endast från det andra bolaget.",
        "en": "Empty in {system} the details that came only from the other company.",
    },
    "erase": {
        "fi": "Poista henkilön kaikki tiedot järjestelmästä {system}, myös roskakorista.",
        "sv": "Radera personens alla uppgifter ur {system}, även ur papperskorgen.",
        "en": "Delete everything about the person from {system}, bins and archives included.",
    },
    "restrict": {
        "fi": "Rajoita henkilön tietojen käsittelyä järjestelmässä {system}: mitään ei lähetetä.",
        "sv": "Begränsa behandlingen av personens uppgifter i {system}: inget skickas.",
        "en": "Restrict the person's data in {system}: nothing is sent, nothing is changed.",
    },
    "tell": {
        "fi": "Kerro toiselle yritykselle, että henkilön tietojen käsittelyä on rajoitettu: mitä "
        "sillä on järjestelmässä {system} vain tältä yritykseltä (19 artikla).",
        "sv": "Meddela det andra bolaget att behandlingen av personens uppgifter har begränsats: "
        "det som finns i {system} endast från detta bolag (artikel 19).",
        "en": "Tell the other company that the person's data is restricted: what it holds in "
        "{system} only from this company (Art. 19).",
    },
    "lift": {
        "fi": "Poista käsittelyn rajoitus järjestelmästä {system}.",
        "sv": "Häv begränsningen av behandlingen i {system}.",
        "en": "Lift the restriction of processing in {system}.",
    },
    "refuse": {
        "fi": "Kirjaa markkinointikielto järjestelmään {system}.",
        "sv": "Registrera förbudet mot direktmarknadsföring i {system}.",
        "en": "Record the marketing prohibition in {system}.",
    },
    "confirm": {
        "fi": "Tee järjestelmässä {system} käsin se, mitä pyyntö edellyttää, ja kirjaa, mitä teit.",
        "sv": "Gör för hand i {system} det som ärendet kräver, och anteckna vad du gjorde.",
        "en": "Do by hand in {system} what the request asks, and record what you did.",
    },
    "automated": {
        "fi": "Varmista, ettei {system} profiloi henkilöä eikä tee automaattisia päätöksiä.",
        "sv": "Kontrollera att {system} varken profilerar personen eller beslutar automatiskt.",
        "en": "Make sure that {system} neither profiles the person nor decides automatically.",
    },
}
"""By act."""

REMAINDER: Mapping[str, str] = {
    "fi": "Poista järjestelmästä {system} kaikki muu henkilöä koskeva, mutta säilytä: {kept}.",
    "sv": "Radera allt annat om personen ur {system}, men behåll: {kept}.",
    "en": "Delete everything else about the person from {system}, but keep: {kept}.",
}
"""Where a part is kept on a ground: `kept` names what, until when, and why."""
ENDED: Mapping[str, str] = {
    "fi": "Poista järjestelmästä {system}, koska peruste on päättynyt: {kept}.",
    "sv": "Radera ur {system}, eftersom grunden har upphört: {kept}.",
    "en": "Delete from {system}, for the ground to keep it has ended: {kept}.",
}
"""Where the ground for one category has ended, and others go on."""
UNTIL: Mapping[str, str] = {
    "fi": "{what}, {day} alkaen ei enää ({why})",
    "sv": "{what}, från och med {day} inte längre ({why})",
    "en": "{what}, from {day} no longer ({why})",
}
"""One category with the first day on which its ground holds no more."""
CATEGORIES: Mapping[DataCategory, Mapping[str, str]] = {
    DataCategory.IDENTITY: {
        "fi": "nimi ja tunnisteet",
        "sv": "namn och identifierare",
        "en": "name and identifiers",
    },
    DataCategory.CONTACT: {
        "fi": "yhteystiedot",
        "sv": "kontaktuppgifter",
        "en": "contact details",
    },
    DataCategory.PERMISSIONS: {
        "fi": "suostumukset ja kiellot",
        "sv": "samtycken och förbud",
        "en": "permissions and refusals",
    },
    DataCategory.ACTIVITIES: {
        "fi": "toiminta, kuten osallistumiset",
        "sv": "aktiviteter, som deltaganden",
        "en": "activities, such as attendance",
    },
    DataCategory.COMMUNICATIONS: {
        "fi": "viestit, puhelut ja muistiinpanot",
        "sv": "meddelanden, samtal och anteckningar",
        "en": "messages, calls and notes",
    },
    DataCategory.PROFILE: {
        "fi": "tehtävä, kiinnostuksen kohteet ja pisteet",
        "sv": "titel, intressen och poäng",
        "en": "title, interests and scores",
    },
    DataCategory.BILLING: {
        "fi": "laskutustiedot",
        "sv": "faktureringsuppgifter",
        "en": "billing data",
    },
}


def of_kept(words: Mapping[str, str], system: str, kept: Sequence[Exemption], language: str) -> str:
    """What to do about categories of data that are, or were, kept in a system on a ground."""
    language = language if language in words else "en"
    told = []
    for one in kept:
        what, why = CATEGORIES[one.category][language], one.ground.titles[language]
        until = UNTIL[language].format(what=what, day=one.until, why=why)
        told.append(until if one.until else f"{what} ({why})")
    return words[language].format(system=system, kept="; ".join(told))
