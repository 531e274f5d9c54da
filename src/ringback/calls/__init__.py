"""How it is called: trunks, SIP, and the sandbox's phones."""
