"""What the code knows of languages, without a model.

lexicon             function words, negations and months of each language, and which language a text is in
numbers             numbers in digits and in words
stems               the words of a text as stems
sentences           where a text's sentences begin and end
section_references  the pages and sections that a question refers to
tokens              an estimate where no tokenizer is at hand
"""
