"""What the extractive engine computes, without any model.

languages   function words, months and units of seven languages
words       stems with offsets; synonyms widens them
facts       dates, times, amounts and names in a text
questions   what a question asks for
statements  evidence cut into what can be quoted
matching    how well a statement answers a question
drafting    Draft
routing     Route, Plan, NextStep
phrases     noun phrases of a question
followup    Condense, with antecedents
support     Verdict and Revise
centrality  which sentences stand for the others
notes       WindowNotes
reducing    Reduce; comparing lines up several documents
digest      Digest
"""
