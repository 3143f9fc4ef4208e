"""Australian towns and islands of fewer than some 20,000 people whose names are nothing else.

Compiled by hand from general knowledge of the country; a town that is missing is found by its postcode.
"""

from __future__ import annotations

TOWNS = frozenset(
    name.strip()
    for name in """
Alice Springs,Ararat,Armidale,Atherton,Ayr,Bairnsdale,Ballina,Balranald,Barcaldine,Batemans Bay,Beaudesert,Beechworth,Bega,
Bellingen,Benalla,Berri,Biloela,Blackwater,Boonah,Bordertown,Bourke,Bowral,Bridgetown,Bright,Broken Hill,Broome,Bruthen,
Burketown,Burnie,Busselton,Byron Bay,Camperdown,Carnarvon,Casino,Casterton,Ceduna,Cessnock,Charleville,Charters Towers,
Childers,Chinchilla,Clare,Clermont,Cloncurry,Cobar,Coober Pedy,Cooktown,Coolgardie,Cooma,Coonamble,Cootamundra,Coral Bay,
Corowa,Cowra,Crookwell,Cunnamulla,Cygnet,Dalby,Daylesford,Deloraine,Deniliquin,Derby,Devonport,Dimboola,Donald,Dongara,
Dorrigo,Dunedoo,Dungog,Echuca,Eden,Emerald,Esperance,Euroa,Exmouth,Finley,Fitzroy Crossing,Flinders Island,Forbes,Gatton,
Gayndah,George Town,Gilgandra,Gin Gin,Glen Innes,Goondiwindi,Goulburn,Griffith,Gulgong,Gundagai,Gunnedah,Gympie,Halls Creek,
Hamilton Island,Hay,Healesville,Hermannsburg,Heywood,Horsham,Huonville,Ingham,Injune,Innisfail,Inverell,Jabiru,Jindabyne,
Junee,Kadina,Kalbarri,Kalgoorlie,Kangaroo Island,Karratha,Katherine,Kempsey,Kerang,King Island,Kingaroy,Kingston SE,
Kununurra,Kyabram,Kyneton,Kyogle,Lakes Entrance,Leeton,Leongatha,Lightning Ridge,Lismore,Lithgow,Longreach,Lorne,Macksville,
Maleny,Mansfield,Mareeba,Margaret River,Meekatharra,Merimbula,Merredin,Millicent,Miles,Mittagong,Moranbah,Moree,Mornington Island,
Moruya,Moura,Mount Isa,Mt Isa,Mudgee,Mullumbimby,Murgon,Murray Bridge,Murwillumbah,Muswellbrook,Myrtleford,Nambour,Nambucca Heads,
Naracoorte,Narooma,Narrabri,Narrandera,Narrogin,Newman,Nhill,Nhulunbuy,Nimbin,Norfolk Island,Normanton,Northam,Oatlands,Oberon,
Onslow,Orbost,Ouyen,Palm Island,Parkes,Penola,Peterborough,Port Augusta,Port Fairy,Port Hedland,Port Lincoln,Port Pirie,
Portland,Queenscliff,Queenstown,Quilpie,Quirindi,Renmark,Robinvale,Rockhampton,Roebourne,Roma,Roxby Downs,St Arnaud,St George,
St Helens,Scone,Scottsdale,Sea Lake,Seymour,Shepparton,Singleton,Smithton,Stanthorpe,Stawell,Strahan,Strathalbyn,Swan Hill,
Tailem Bend,Temora,Tennant Creek,Tenterfield,Terang,Theodore,Thredbo,Thursday Island,Tiwi Islands,Tocumwal,Tom Price,Tumby Bay,
Tumut,Ulladulla,Ulverstone,Uralla,Victor Harbor,Wagin,Walcha,Walgett,Wangaratta,Warracknabeal,Warragul,Warren,Warwick,Wauchope,
Weipa,Wentworth,Whyalla,Winton,Wonthaggi,Woomera,Wudinna,Wyndham,Yackandandah,Yamba,Yarrabah,Yarram,Yass,Yeppoon,Yulara,Young
""".replace("\n", "").split(",")
    if name.strip() not in {"Young", "Warren", "Miles", "Theodore", "Donald", "Scone", "Bright", "Hay", "Eden", "Clare", "Derby", "Roma",
                            "Warwick", "Mansfield", "Seymour", "Rockhampton", "Shepparton", "Emerald", "Griffith", "Hamilton",
                            "Portland", "Singleton", "Murray Bridge", "Casino", "Lorne", "Wentworth", "Peterborough"}
)  # fmt: skip
