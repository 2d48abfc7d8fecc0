"""What fields are called in shops that were not programmed in English; ``vocabulary`` has the English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# German, French, Spanish, Portuguese, Italian, Dutch; squashed, so without accents.
OTHER_NAMES: Final[Mapping[str, Mapping[str, float]]] = {
    "event_type": {
        "ereignis": 0.85, "ereignisart": 0.95, "ereignistyp": 0.95, "ereignisname": 0.95, "aktion": 0.85,
        "aktionsart": 0.85, "vorgang": 0.6, "evenement": 0.9, "typeevenement": 0.95, "evento": 0.9,
        "tipoevento": 0.95, "tipodeevento": 0.95, "accion": 0.85, "acao": 0.85, "azione": 0.85,
        "actie": 0.85, "gebeurtenis": 0.9,
    },
    "sent_at": {
        "zeitstempel": 1.0, "zeitpunkt": 0.95, "zeit": 0.9, "uhrzeit": 0.6, "datum": 0.6,
        "ereigniszeit": 0.97, "bestellzeit": 0.85, "bestelldatum": 0.7, "horodatage": 1.0,
        "dateheure": 0.9, "fecha": 0.7, "fechahora": 0.9, "marcadetiempo": 1.0, "hora": 0.6,
        "datahora": 0.9, "dataora": 0.9, "tijdstip": 0.95, "tijd": 0.85,
    },
    "session_id": {
        "sitzung": 0.9, "sitzungid": 1.0, "sitzungsid": 1.0, "sitzungsnr": 0.9, "besuch": 0.6,
        "besuchsid": 0.85, "besucherid": 0.55, "idsession": 1.0, "visiteid": 0.85, "sesion": 0.85,
        "idsesion": 1.0, "sesionid": 1.0, "sessao": 0.85, "idsessao": 1.0, "sessione": 0.85,
        "idsessione": 1.0, "sessie": 0.85, "sessieid": 1.0,
    },
    "user_id": {
        "kunde": 0.6, "kundeid": 0.95, "kundenid": 0.95, "kundenr": 0.95, "kundennr": 0.95,
        "kundennummer": 0.95, "benutzer": 0.75, "benutzerid": 1.0, "nutzer": 0.75, "nutzerid": 1.0,
        "mitgliedsnummer": 0.9, "idclient": 0.95, "numeroclient": 0.9, "utilisateur": 0.75,
        "idutilisateur": 1.0, "usuario": 0.75, "usuarioid": 1.0, "idusuario": 1.0, "cliente": 0.6,
        "clienteid": 0.95, "idcliente": 0.95, "utente": 0.75, "idutente": 1.0, "klant": 0.6,
        "klantid": 0.95, "klantnummer": 0.95, "gebruiker": 0.75, "gebruikerid": 1.0,
    },
    "item_id": {
        "artikel": 0.65, "artikelid": 0.95, "artikelnr": 0.95, "artikelnummer": 0.95, "produkt": 0.6,
        "produktid": 1.0, "produktnr": 0.95, "produktnummer": 0.9, "idarticle": 0.95, "produit": 0.6,
        "idproduit": 1.0, "produitid": 1.0, "producto": 0.6, "idproducto": 1.0, "productoid": 1.0,
        "articulo": 0.6, "idarticulo": 0.95, "produto": 0.6, "idproduto": 1.0, "prodotto": 0.6,
        "idprodotto": 1.0, "articolo": 0.6, "idarticolo": 0.95,
    },
    "event_id": {
        "ereignisid": 1.0, "ereignisnr": 0.9, "nachrichtid": 0.95, "idevenement": 1.0, "idevento": 1.0,
        "eventoid": 1.0,
    },
    "event_value": {
        "bewertung": 0.85, "sterne": 0.8, "evaluation": 0.5, "valoracion": 0.85, "avaliacao": 0.85,
    },
    "properties": {
        "eigenschaften": 0.9, "attribute": 0.35, "propriedades": 0.9, "propiedades": 0.9,
    },
}  # fmt: skip
"""By field."""
