"""What Zoom may keep of a person that no call reads, changes or verifies.

Zoom's documents do not say whether the reports of past webinars forget a deleted registrant, and
the API has no way to recordings' contents, transcripts and the chat. Those belong to the answer to
an access request too (Art. 15).
"""

from __future__ import annotations

from hub.api import Act, Residual

RESIDUALS = (
    Residual(
        "reports",
        Act.ERASE,
        {
            "fi": "Zoom voi säilyttää henkilön nimen ja osoitteen pidettyjen webinaarien "
            "raporteissa (osallistujat, kysymykset, kyselyt). Avaa Reports > Webinar jokaisesta "
            "webinaarista, johon henkilö ilmoittautui, ja tarkista. Jos tietoja on, pyydä Zoomin "
            "tukea poistamaan ne tai poista webinaari. Poista myös ladatut raporttitiedostot. "
            "Kirjaa tulos.",
            "sv": "Zoom kan behålla personens namn och adress i rapporterna från hållna "
            "webbinarier (deltagare, frågor, omröstningar). Öppna Reports > Webinar för varje "
            "webbinarium som personen anmälde sig till och kontrollera. Finns uppgifter kvar, be "
            "Zooms support radera dem eller radera webbinariet. Radera även nedladdade "
            "rapportfiler. Anteckna resultatet.",
            "en": "Zoom may keep the person's name and address in the reports of past webinars "
            "(participants, questions, polls). Open Reports > Webinar for each webinar that the "
            "person registered for, and look. If anything is left, ask Zoom's support to delete "
            "it, or delete the webinar. Delete downloaded report files too. Note the outcome.",
        },
    ),
    Residual(
        "recordings",
        Act.ERASE,
        {
            "fi": "Tallenteissa, litteroinneissa ja keskustelussa (chat) voi olla henkilön nimi, "
            "ääni tai viestejä, eikä niihin ole rajapintaa. Tarkista niiden webinaarien "
            "tallenteet, joihin henkilö osallistui, ja poista tai leikkaa hänen osuutensa. "
            "Kirjaa tulos.",
            "sv": "Inspelningar, transkriptioner och chatten kan innehålla personens namn, röst "
            "eller meddelanden, och de nås inte via gränssnittet. Kontrollera inspelningarna av "
            "de webbinarier som personen deltog i och radera eller klipp bort personens del. "
            "Anteckna resultatet.",
            "en": "Recordings, transcripts and the chat may hold the person's name, voice or "
            "messages, and there is no API for them. Look at the recordings of the webinars that "
            "the person attended, and delete or cut the person's part. Note the outcome.",
        },
    ),
    Residual(
        "recordings-copy",
        None,
        {
            "fi": "Tallenteissa, litteroinneissa ja keskustelussa (chat) voi olla henkilön ääni, "
            "kuva tai viestejä, eikä niihin ole rajapintaa. Katso niiden webinaarien tallenteet, "
            "joihin henkilö osallistui. Liitä vastaukseen jäljennös hänen omasta osuudestaan "
            "ilman muiden osuuksia, tai kirjaa, ettei sellaista ole.",
            "sv": "Inspelningar, transkriptioner och chatten kan innehålla personens röst, bild "
            "eller meddelanden, och de nås inte via gränssnittet. Gå igenom inspelningarna av de "
            "webbinarier som personen deltog i. Bifoga till svaret en kopia av personens egen del "
            "utan andras, eller anteckna att ingen sådan finns.",
            "en": "Recordings, transcripts and the chat may hold the person's voice, picture or "
            "messages, and there is no API for them. Look at the recordings of the webinars that "
            "the person attended. Enclose with the answer a copy of the person's own part without "
            "that of others, or note that there is none.",
        },
    ),
)
