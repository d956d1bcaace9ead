"""The reports of the deeper studies (paper sections 5 and A.5): one module per study, over one kind of page."""
