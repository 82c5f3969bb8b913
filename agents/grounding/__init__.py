"""What code alone can check of a claim, so that no model can talk its way past.

claims          every quote of a claim located, and its figures, names and negations judged by them
quotes          a quote's own words found in a document, exactly or nearly
normalization   the form in which texts are compared, and the way back to the original
figures         figures that stand in the quotes or can be computed from them
contradictions  negations and swaps by which a claim denies its quotes
version_diff    the differences between two versions of a text
"""
