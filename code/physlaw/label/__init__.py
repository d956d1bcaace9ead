"""Clips judged by people: a page that shows them blinded, and the abnormal ratio from the ratings it exports."""
