"""The digest: one mail of the week (or the day) with what was said, made for reading and to be answered.

Behind the release of a post, beside its distribution. `schedule` says whose letter is due, `material` what was said,
`letter` and `standard` write it, `issuing` puts it into the outbox exactly once. Facilitators see it a day before
(`editing`), answers to it find their conversation (`answering`), and its unsubscribe link stops it (`stopping`).
"""
