"""The subscriber's side of mutations: fetch files, believe nothing that is not proven, load each once (RP-18).

It knows the contract (files, vouchers, the HTTPS addresses) and nothing of the server.
"""
