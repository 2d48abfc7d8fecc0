"""The names by which fields go in the world, each with how surely it means the field, from 0 to 1.

Names are compared without case, separators and dollar signs: ``productId``, ``product_id`` and ``Product ID``
are one name. A name that says nothing by itself (``id``) is joined with the one before it: ``product.id`` is
looked up as ``productid``. The names come from the specifications that the presets are built on, and from
what shops and trackers commonly write.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from worker.suggest.languages import OTHER_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOT_LETTERS: Final = re.compile(r"[^a-z]")
_VAGUE: Final = frozenset(
    {"id", "uuid", "guid", "name", "type", "value", "key", "code", "number", "no", "nr", "nummer"}
)
_IDS: Final = frozenset({"id", "uuid", "guid"})
# A longer name that ends with one of the table means the field too, but less surely: gasessionid, cetime.
_AS_ENDING: Final = 0.85
_SHORTEST_ENDING: Final = 5

_IN_ENGLISH: Final[Mapping[str, Mapping[str, float]]] = {
    "event_type": {
        "eventtype": 1.0, "eventname": 1.0, "event": 0.95, "action": 0.85, "actiontype": 0.85,
        "activity": 0.7, "activitytype": 0.75, "interaction": 0.75, "interactiontype": 0.85, "verb": 0.75,
        "type": 0.7, "kind": 0.6, "behavior": 0.7, "behaviortype": 0.8, "operation": 0.5, "name": 0.5,
        "cetype": 0.8, "messagetype": 0.5,
    },
    "sent_at": {
        "timestamp": 1.0, "eventtimestamp": 1.0, "eventtime": 0.98, "sentat": 0.9, "time": 0.95, "ts": 0.9,
        "occurredat": 0.97, "happenedat": 0.95, "timestampms": 0.95, "tsms": 0.6,
        "timestampunixtimems": 0.95, "derivedtstamp": 0.97, "collectortstamp": 0.9,
        "dvcecreatedtstamp": 0.85, "tstamp": 0.85, "createdat": 0.8, "created": 0.75, "datetime": 0.85,
        "date": 0.6, "eventdate": 0.6, "originaltimestamp": 0.8, "cetime": 0.85, "receivedat": 0.6,
        "clienttime": 0.7, "servertime": 0.7, "unixtime": 0.9, "epoch": 0.85, "at": 0.6, "clicktime": 0.8,
        "viewedat": 0.8, "updatedat": 0.4, "ingestedat": 0.4, "processedat": 0.4,
        "userfirsttouchtimestamp": 0.1, "servertimestampoffset": 0.05, "eventprevioustimestamp": 0.1,
    },
    "session_id": {
        "sessionid": 1.0, "domainsessionid": 1.0, "session": 0.85, "sid": 0.75, "visitid": 0.85,
        "visit": 0.6, "sessionkey": 0.9, "sessionuuid": 0.9, "sessionguid": 0.9, "sessiontoken": 0.7,
        "anonymousid": 0.6, "userpseudoid": 0.5, "clientid": 0.5, "deviceid": 0.5, "cookieid": 0.55,
        "browserid": 0.5, "visitorid": 0.55, "distinctid": 0.42, "ecid": 0.5, "mpid": 0.42,
        "sessionnumber": 0.05, "domainsessionidx": 0.0, "sessionindex": 0.0, "sessioncount": 0.0,
        "recordkey": 0.36,
    },
    "user_id": {
        "userid": 1.0, "user": 0.75, "uid": 0.85, "customerid": 0.95, "customer": 0.6, "memberid": 0.9,
        "accountid": 0.75, "profileid": 0.8, "subscriberid": 0.85, "viewerid": 0.8, "shopperid": 0.9,
        "customernumber": 0.85, "clientid": 0.4, "buyerid": 0.8, "personid": 0.75, "mpid": 0.97,
        "ecid": 0.7, "distinctid": 0.7, "visitorid": 0.5, "userpseudoid": 0.5, "domainuserid": 0.45,
        "anonymousid": 0.25, "rudderid": 0.25, "networkuserid": 0.25, "authuserid": 0.9, "subject": 0.3,
        "recordkey": 0.33,
    },
    "item_id": {
        "itemid": 1.0, "productid": 1.0, "item": 0.7, "product": 0.6, "sku": 0.9, "productsku": 0.9,
        "itemsku": 0.9, "articleid": 0.95, "article": 0.6, "contentid": 0.9, "movieid": 0.95, "videoid": 0.95,
        "trackid": 0.8, "songid": 0.9, "bookid": 0.9, "asin": 0.9, "isbn": 0.85, "assetid": 0.8,
        "listingid": 0.9, "offerid": 0.75, "titleid": 0.8, "episodeid": 0.8, "showid": 0.75,
        "courseid": 0.85, "jobid": 0.7, "postid": 0.8, "recipeid": 0.9, "propertyid": 0.7, "hotelid": 0.9,
        "variantid": 0.7, "itemcode": 0.8, "productcode": 0.85, "upc": 0.7, "gtin": 0.75, "ean": 0.75,
        "productnumber": 0.8, "itemname": 0.3, "productname": 0.3, "newsid": 0.9, "objectid": 0.5,
        "entityid": 0.5, "targetentityid": 0.8, "resourceid": 0.5, "mediaid": 0.8,
        "productlistitemsid": 0.8, "itemsid": 0.9, "productsid": 0.95, "productlistitemssku": 0.95,
    },
    "event_id": {
        "eventid": 1.0, "messageid": 0.97, "insertid": 0.97, "eventuuid": 0.97, "uuid": 0.85, "id": 0.8,
        "ceid": 0.85, "sourcemessageid": 0.8, "dedupid": 0.85, "requestid": 0.5, "interactionid": 0.85,
        "hitid": 0.8, "eventguid": 0.95, "guid": 0.7, "traceid": 0.2,
    },
    # A price is none unless somebody means it so: Personalize trains on events above a threshold of it.
    "event_value": {
        "eventvalue": 1.0, "rating": 0.9, "value": 0.5, "score": 0.6, "stars": 0.8, "watchedpercent": 0.7,
        "percentwatched": 0.7, "price": 0.29, "amount": 0.29, "revenue": 0.29, "total": 0.27,
        "pricetotal": 0.27,
        "ordertotal": 0.27, "totalprice": 0.27, "duration": 0.27, "quantity": 0.25,
    },
    "properties": {
        "properties": 1.0, "eventproperties": 0.95, "attributes": 0.35, "eventattributes": 0.7,
        "context": 0.1, "data": 0.1, "props": 0.9, "metadata": 0.4, "customattributes": 0.7,
    },
    "impression": {
        "impression": 1.0, "impressions": 1.0, "shownitems": 0.9, "shownitemids": 0.9,
        "displayeditems": 0.9, "recommendeditems": 0.85, "recommendations": 0.75, "itemsshown": 0.9,
        "impresseditems": 0.95,
    },
    "recommendation_id": {
        "recommendationid": 1.0, "recid": 0.7, "recommendationuuid": 0.8,
    },
    "event_attribution_source": {
        "eventattributionsource": 1.0, "attributionsource": 0.9,
    },
}  # fmt: skip
NAMES: Final[Mapping[str, Mapping[str, float]]] = {
    field: {**OTHER_NAMES.get(field, {}), **names} for field, names in _IN_ENGLISH.items()
}
"""By field."""


def name_score(field: str, names: Sequence[str]) -> float:
    """Rate the names on the way to a place, the last of which says most, as names of a field."""
    if not names:
        return 0.0
    table = NAMES[field]
    last = squashed(names[-1])
    alone = _of_word(table, last)
    if last not in _VAGUE or len(names) == 1:
        return alone
    # What stands around it says more than the vague name: product.id is no event's id.
    joined = _of_word(table, squashed(names[-2]) + last) or _of_word(table, _singular(names[-2]) + last)
    around = table.get(squashed(names[-2]), 0.0) if last in _IDS else 0.0
    return max(joined, around, alone * 0.5 / 0.97) * 0.97


def squashed(name: str) -> str:
    """Return the letters of a name, in lower case and without accents."""
    plain = name if name.isascii() else unicodedata.normalize("NFKD", name)
    return _NOT_LETTERS.sub("", plain.lower())


def _singular(name: str) -> str:
    return squashed(name).removesuffix("s")


def _of_word(table: Mapping[str, float], word: str) -> float:
    if word in table:
        return table[word]
    endings = [
        weight * _AS_ENDING
        for known, weight in table.items()
        if len(known) >= _SHORTEST_ENDING and word.endswith(known)
    ]
    return max(endings, default=0.0)
