"""Rigid bodies of known shapes, read from the pixels: colours, poses, overlaps and pushes.

colours takes pixels apart; shapes says what a body covers; fit moves bodies onto a picture; search finds those that a
fit left astray; tracking follows them through a clip; geometry and contacts judge the poses; measure does it all.
"""
