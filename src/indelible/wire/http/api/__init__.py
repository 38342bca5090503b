"""The API as JSON over HTTP: the same methods, the same handlers, paths instead of names.

What a path means is said by the `google.api.http` annotations of the services, which are read when
the listener starts; nothing is listed here.
"""
