"""Is all as it should be: the chain (``verify``), sources, destinations, the installation (``doctor``). Only looks."""
