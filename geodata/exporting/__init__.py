"""Registers as files: such as are edited and sent back (`rows`), and open data in every format (`snapshot`)."""
