"""The one HTTP client of the house (``client``): what may be asked (``calls``), who asks (``auth``), page by page (``paging``).

It knows the protocol and nothing of any vendor: which calls a system has, and what its answers mean, stands with the system.
Nothing here decides what is sent or when.
"""
