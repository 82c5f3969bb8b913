"""What the extractive engine computes, without any model.

What it knows of words and questions:

languages       function words, months and units of seven languages
words           stems with offsets; numbers by their value
synonyms        words that stand for one another
facts           dates, times, amounts and names, by their form
dimensions      which units answer which question
question_forms  how questions are asked
questions       what a question asks for
phrases         the noun phrases of a question
patterns        word lists and patterns, one line at a time
statements      evidence cut into what can be quoted

What it computes:

routing         Route, Plan and NextStep; planning cuts a question into parts
followup        StandaloneQuestion; antecedents finds what pronouns stand for
drafting        Draft; selection narrows the passages down, matching and answers weigh the statements
support         Verdict and Revise; unmentioned names the words of a question that a document never uses
notes           WindowNotes; centrality weighs sentences, focus steers them
reducing        Reduce; comparing lines up several documents, agreement tells what must not be merged
digest          UpdateSummary
"""
