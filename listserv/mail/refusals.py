"""The words in which mail systems refuse, delay and answer by themselves, in several languages. Pure data.

Used by `dsn` where codes say too little: what is about the address (HARD), about a moment (SOFT), about this mail or
our server (POLICY), and subjects of automatic answers (NOTHING).
"""

from __future__ import annotations

import re

POLICY = re.compile(
    r"spam|blacklist|blocklist|black list|block list|blocked|\brbl\b|spamhaus|barracuda|reputation|dmarc|\bspf\b|dkim|"
    r"unauthenticated|authentication|not authorized|unauthorized|relay(?:ing)? (?:access )?denied|relaying|policy|"
    r"content (?:rejected|filter|not)|message (?:rejected|refused|blocked) (?:due|because|by)|virus|malware|"
    r"suspicious|phish|unsolicited|bulk mail|prohibited|banned|sender (?:address )?(?:rejected|denied|verify)|"
    r"invalid sender|restricted|not allowed|access denied|permission to send|only accepts|rejected for|sending limit|"
    r"too large|size (?:limit|exceed)|exceeds|too big|loop|too many hops|hop count|tls|encrypt|line (?:is )?too long|"
    r"attachment|format|8bit|smtputf8|5xx policy|server ip|your ip|ip address|ptr|reverse dns|"
    r"rejet|spamverdacht|abgelehnt wegen",
    re.I,
)
SOFT = re.compile(
    r"quota|mailbox (?:is )?full|over ?quota|insufficient (?:system )?(?:storage|space)|disk (?:is )?full|"
    r"out of storage|mail ?box space not enough|folder is full|"
    r"storage (?:limit|space)|exceeded (?:storage|its)|not enough (?:storage|space)|mailbox size|voll\b|plein|pleine|"
    r"temporar|try (?:again )?later|greylist|graylist|deferred|delayed|will (?:be )?(?:retry|retried|keep trying)|"
    r"timed? ?out|timeout|connection (?:refused|lost|reset|timed)|connect to|could not connect|no route|unreachable|"
    r"host not found, try|service (?:not available|unavailable)|too (?:many|busy)|rate limit|throttl|retry|"
    r"resources temporarily|server busy|not yet been delivered|still (?:trying|being)|vorübergehend|später",
    re.I,
)
HARD = re.compile(
    r"user(?:name)? (?:is )?(?:unknown|not found|doesn'?t exist|does not exist|invalid|disabled|inactive)|"
    r"unknown (?:user|recipient|address|local|mailbox|account|host)|"
    r"(?:name|user|recipient)[^.\n]{0,20} not recogni[sz]ed|doesn.t have an? [\w.-]{1,60} account|"
    r"not listed in (?:the )?[\w' &-]{0,30}(?:directory|domino|address book)|did not (?:exactly )?match|"
    r"no match(?:es)? to|invalid final delivery|no such (?:user|recipient|mailbox|account|person|address|"
    r"local)|(?:recipient|address|mailbox|account|user|e-?mail)[^.\n]{0,60}(?:not found|does ?n[o']t exist|"
    r"do not exist|"
    r"non-?existent|unknown|invalid|is disabled|disabled|inactive|no longer|not known|not exist|not listed|unavailable|"
    r"deactivated|closed|suspended|terminated|expired|discontinued|not valid)|"
    r"(?:recipient|mailbox|address) (?:address )?(?:rejected|unavailable|unknown)|invalid (?:recipient|mailbox|address|"
    r"user)|not (?:a )?(?:valid|known|our) (?:user|recipient|mailbox|customer|address)|no mailbox|mailbox not|"
    r"addressee unknown|recipnotfound|resolver\.adr|no user|not our customer|user_unknown|"
    r"domain (?:name )?(?:not found|"
    r"does not exist|doesn't exist)|host (?:or domain name )?(?:not found|unknown)|unrouteable|unroutable|"
    r"name or service not known|null mx|does not accept mail|no longer (?:available|valid|in use|active|with|works)|"
    r"unbekannt|existiert nicht|nicht gefunden|nicht bekannt|kein (?:benutzer|empfänger|postfach)|ungültig|"
    r"n.existe pas|inconnu|introuvable|destinataire|no existe|desconocid|inesistente|sconosciut|bestaat niet|onbekend",
    re.I,
)
NOTHING = re.compile(
    r"^(?:\[?auto(?:matic)?(?:[- ](?:reply|response|answer))?|out of (?:the )?office|abwesen|ferien|vacation|"
    r"réponse auto|"
    r"away from|absence|read:|gelesen:|lu\s?:|accepted:|re: )",
    re.I,
)
