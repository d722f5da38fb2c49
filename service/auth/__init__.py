"""Who may do what: accounts, sign-in, API keys, policies of routes, audit."""
