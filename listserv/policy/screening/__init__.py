"""What in a post could tell who a client is: found before anybody sees it, shown masked, never repeated.

Pure: passages of decoded text in (mail.passages), findings out. The stage that asks is `screen`; `policy.rules` decides
from the findings, `moderate` shows them.
"""
