"""How good the phonetic code is, beside Soundex, the Cologne phonetics and Double Metaphone.

    python -m benchmarks.phonetic_quality [--json FILE] [--misses]

Counted are

- *found*: pairs of `variants.txt` that match, every two names of a line;
- *held out*: the same of `variants_held_out.txt`, for which no rule was made;
- *taken as one*: pairs of `distinct.txt` that match;
- *false pairs*: pairs of the 924 surnames of `surnames.txt` that match, equal names after folding and pairs of
  the two files of variants left out.

Every method sees names after the same folding. `double_metaphone.tsv` holds the codes that PostgreSQL's extension
fuzzystrmatch gives; `python -m benchmarks.phonetic_quality.double_metaphone DSN` writes it anew.
"""
