"""What HubSpot may go on doing or keeping that no call changes: tasks for a person."""

from __future__ import annotations

from hub.api import Act, Residual

WORKFLOWS = Residual(
    "workflows",
    Act.RESTRICT,
    {
        "fi": "Varmista HubSpotissa, että työnkulut, sekvenssit ja sähköpostilähetykset jättävät "
        "pois yhteystiedot, joiden ominaisuus hub_restricted on Yes (tai jotka ovat hubin "
        "rajoituslistalla). Poista henkilö käynnissä olevista työnkuluista ja sekvensseistä.",
        "sv": "Kontrollera i HubSpot att arbetsflöden, sekvenser och e-postutskick utesluter "
        "kontakter vars egenskap hub_restricted är Yes (eller som finns på hubbens "
        "begränsningslista). Ta bort personen ur pågående arbetsflöden och sekvenser.",
        "en": "Confirm in HubSpot that workflows, sequences and e-mail sends exclude contacts "
        "whose property hub_restricted is Yes (or who are on the hub's restriction list). Take "
        "the person out of workflows and sequences that are under way.",
    },
)
"""HubSpot has no switch that stops all use of one contact."""

ENGAGEMENTS = Residual(
    "engagements",
    Act.ERASE,
    {
        "fi": "HubSpot irrottaa poistetun henkilön muistiinpanoista, puheluista, tapaamisista, "
        "viesteistä ja tehtävistä, mutta säilyttää ne, jotka kuuluvat myös yritykselle, kaupalle "
        "tai toiselle yhteystiedolle. Käy läpi henkilön organisaation aikajana sekä puhelu- ja "
        "tehtävälistat ja poista maininnat henkilöstä.",
        "sv": "HubSpot kopplar loss en raderad person från anteckningar, samtal, möten, "
        "meddelanden och uppgifter, men behåller dem som också hör till ett företag, en affär "
        "eller en annan kontakt. Gå igenom tidslinjen för personens organisation samt samtals- "
        "och uppgiftslistorna och ta bort det som rör personen.",
        "en": "HubSpot detaches an erased person from notes, calls, meetings, messages and tasks, "
        "but keeps those that also belong to a company, a deal or another contact. Go through the "
        "timeline of the person's organisation and the lists of calls and tasks, and remove what "
        "concerns the person.",
    },
)
"""HubSpot documents it: after a permanent deletion, an activity of a company's stays there."""

RESIDUALS = (WORKFLOWS, ENGAGEMENTS)
