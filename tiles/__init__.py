"""How the data becomes vector tiles: addresses of tiles, statements, stamps, cache, TileJSON and styles."""
