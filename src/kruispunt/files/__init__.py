"""Files that organisations send each other: header, voucher, signature, and how they are written.

What is in a file is another package's: `batch` reads files of inscriptions, and a distribution of mutations can write
its own with the same header and voucher (RP-18).
"""
