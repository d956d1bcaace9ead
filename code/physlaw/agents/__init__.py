"""Reference agents: what a model would draw that knows the law, copies, snaps, dissolves. See balls.py and each study's
agents.py."""
