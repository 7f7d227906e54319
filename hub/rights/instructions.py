"""What a person is asked to do in a tool that the hub cannot reach, in fi, sv and en."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.domain.plan import ACTS, Exemption
from hub.domain.rights import DataCategory, Right

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
    # what a ground keeps; the sentence of the right follows
    "kept": {
        "fi": "Säilytä: {kept}. Kaikki muu:",
        "sv": "Behåll: {kept}. Allt annat:",
        "en": "Keep: {kept}. Everything else:",
    },
    "withheld": {
        "fi": "Jätä pois: {kept}. Kaikki muu:",
        "sv": "Utelämna: {kept}. Allt annat:",
        "en": "Leave out: {kept}. Everything else:",
    },
    "automated": {
        "fi": "Varmista, ettei {system} profiloi henkilöä eikä tee automaattisia päätöksiä.",
        "sv": "Kontrollera att {system} varken profilerar personen eller beslutar automatiskt.",
        "en": "Make sure that {system} neither profiles the person nor decides automatically.",
    },
}
"""By act."""

ONLY_KEPT: Mapping[str, str] = {
    "fi": "Säilytettävää ei käytetä mihinkään muuhun: hänelle ei lähetetä mitään.",
    "sv": "Det som behålls används inte till något annat: ingenting skickas till personen.",
    "en": "What is kept is used for nothing else: nothing is sent to the person.",
}
"""Of an erasure."""

ENDED: Mapping[str, str] = {
    "fi": "Poista järjestelmästä {system}, koska peruste on päättynyt: {kept}.",
    "sv": "Radera ur {system}, eftersom grunden har upphört: {kept}.",
    "en": "Delete from {system}, for the ground to keep it has ended: {kept}.",
}
"""Where the ground for one category has ended, and others go on."""
CATEGORIES: Mapping[DataCategory, Mapping[str, str]] = {
    DataCategory.IDENTITY: {
        "fi": "nimi ja tunnisteet",
        "sv": "namn och identifierare",
        "en": "name and identifiers",
    },
    DataCategory.CONTACT: {
        "fi": "yhteystiedot ja työnantaja",
        "sv": "kontaktuppgifter och arbetsgivare",
        "en": "contact details and employer",
    },
    DataCategory.PERMISSIONS: {
        "fi": "luvat ja kiellot",
        "sv": "tillstånd och förbud",
        "en": "permissions and prohibitions",
    },
    DataCategory.ACTIVITIES: {
        "fi": "osallistumiset ja avatut viestit",
        "sv": "deltagande och öppnade utskick",
        "en": "attendance and opened mails",
    },
    DataCategory.COMMUNICATIONS: {
        "fi": "yhteydenpito: puhelut, tapaamiset, viestit, muistiinpanot",
        "sv": "kontakter: samtal, möten, meddelanden, anteckningar",
        "en": "communications: calls, meetings, mails, notes",
    },
    DataCategory.PROFILE: {
        "fi": "titteli, kiinnostuksen kohteet, pisteet",
        "sv": "titel, intressen, poäng",
        "en": "title, interests, scores",
    },
    DataCategory.BILLING: {
        "fi": "laskutus ja kirjanpito",
        "sv": "fakturering och bokföring",
        "en": "billing and bookkeeping",
    },
}

UNTIL: Mapping[str, str] = {"fi": "{day} asti", "sv": "till {day}", "en": "until {day}"}


def of_remainder(right: Right, exemptions: Sequence[Exemption], system: str, language: str) -> str:
    """What is to be done in a system where a part is kept on grounds: the parts, why and until
    when, and what becomes of the rest."""
    kept = ", ".join(_told(one, language) for one in exemptions)
    first = WORDS["kept" if right is Right.ERASURE else "withheld"][language]
    rest = WORDS[ACTS[right]][language].format(system=system)
    text = f"{first.format(kept=kept)}\n{rest}"
    return f"{text}\n{ONLY_KEPT[language]}" if right is Right.ERASURE else text


def of_ended(exemption: Exemption, system: str, language: str) -> str:
    """What is to be deleted in a system when a ground has ended while others go on."""
    return ENDED[language].format(system=system, kept=_told(exemption, language))


def _told(one: Exemption, language: str) -> str:
    why = [one.ground.titles[language], one.ground.law]
    why += [UNTIL[language].format(day=one.until)] if one.until else []
    return f"{CATEGORIES[one.category][language]} ({'; '.join(why)})"
