"""Files of subscriptions over HTTPS: list, fetch, acknowledge, ask again (RP-18)."""
