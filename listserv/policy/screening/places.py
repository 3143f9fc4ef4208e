"""Australian towns and islands of fewer than some 20,000 people whose names are nothing else.

Compiled by hand from general knowledge of the country; a town that is missing is found by its postcode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from listserv.policy.screening.plain import View

_TOWNS = """
Alice Springs, Ararat, Armidale, Atherton, Ayr, Bairnsdale, Ballina, Balranald, Barcaldine, Batemans Bay, Beaudesert,
Beechworth, Bega, Bellingen, Benalla, Berri, Biloela, Blackwater, Boonah, Bordertown, Bourke, Bowral, Bridgetown,
Broken Hill, Broome, Bruthen, Burketown, Burnie, Busselton, Byron Bay, Camperdown, Carnarvon, Casterton, Ceduna,
Cessnock, Charleville, Charters Towers, Childers, Chinchilla, Clermont, Cloncurry, Cobar, Coober Pedy, Cooktown,
Coolgardie, Cooma, Coonamble, Cootamundra, Coral Bay, Corowa, Cowra, Crookwell, Cunnamulla, Cygnet, Dalby, Daylesford,
Deloraine, Deniliquin, Devonport, Dimboola, Dongara, Dorrigo, Dunedoo, Dungog, Echuca, Esperance, Euroa, Exmouth,
Finley, Fitzroy Crossing, Flinders Island, Forbes, Gatton, Gayndah, George Town, Gilgandra, Gin Gin, Glen Innes,
Goondiwindi, Goulburn, Gulgong, Gundagai, Gunnedah, Gympie, Halls Creek, Hamilton Island, Healesville, Hermannsburg,
Heywood, Horsham, Huonville, Ingham, Injune, Innisfail, Inverell, Jabiru, Jindabyne, Junee, Kadina, Kalbarri,
Kalgoorlie, Kangaroo Island, Karratha, Katherine, Kempsey, Kerang, King Island, Kingaroy, Kingston SE, Kununurra,
Kyabram, Kyneton, Kyogle, Lakes Entrance, Leeton, Leongatha, Lightning Ridge, Lismore, Lithgow, Longreach, Macksville,
Maleny, Mareeba, Margaret River, Meekatharra, Merimbula, Merredin, Millicent, Mittagong, Moranbah, Moree, Mornington
Island, Moruya, Mount Isa, Moura, Mt Isa, Mudgee, Mullumbimby, Murgon, Murwillumbah, Muswellbrook, Myrtleford,
Nambour, Nambucca Heads, Naracoorte, Narooma, Narrabri, Narrandera, Narrogin, Newman, Nhill, Nhulunbuy, Nimbin,
Norfolk Island, Normanton, Northam, Oatlands, Oberon, Onslow, Orbost, Ouyen, Palm Island, Parkes, Penola, Port
Augusta, Port Fairy, Port Hedland, Port Lincoln, Port Pirie, Queenscliff, Queenstown, Quilpie, Quirindi, Renmark,
Robinvale, Roebourne, Roxby Downs, Scottsdale, Sea Lake, Smithton, St Arnaud, St George, St Helens, Stanthorpe,
Stawell, Strahan, Strathalbyn, Swan Hill, Tailem Bend, Temora, Tennant Creek, Tenterfield, Terang, Thredbo, Thursday
Island, Tiwi Islands, Tocumwal, Tom Price, Tumby Bay, Tumut, Ulladulla, Ulverstone, Uralla, Victor Harbor, Wagin,
Walcha, Walgett, Wangaratta, Warracknabeal, Warragul, Wauchope, Weipa, Whyalla, Winton, Wonthaggi, Woomera, Wudinna,
Wyndham, Yackandandah, Yamba, Yarrabah, Yarram, Yass, Yeppoon, Yulara
"""
TOWNS = frozenset(" ".join(_TOWNS.split()).split(", "))
_FIRST_WORDS = frozenset(town.split()[0].lower() for town in TOWNS)
_UP_TO_THREE = re.compile(r"[A-Z][a-z]+(?:[ ][A-Z][a-z]+){0,2}\b")


def towns(view: View) -> Iterator[tuple[int, int]]:
    """Where one of them is named."""
    for start, word in view.capitals:
        if word in _FIRST_WORDS and (found := _UP_TO_THREE.match(view.text, start)):
            names = found[0].split(" ")
            for count in range(len(names), 0, -1):
                name = " ".join(names[:count])
                if name in TOWNS:
                    yield start, start + len(name)
                    break
