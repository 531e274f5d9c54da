"""The sandbox: a phone network in a box. Real SIP phones on the loopback, in a process of their own.

`network.PhoneNetwork` starts it and keeps it running; `python -m ringback.calls.phones` is what it starts.
"""
