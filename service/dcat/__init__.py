"""The catalogue of open data: what there is, in the vocabularies that other catalogues read."""
