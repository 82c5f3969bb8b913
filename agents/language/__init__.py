"""What the code knows of languages, without a model: the words are in data, a file for each language.

language            what a file in data says
lexicon             the languages, and which of them a text is in
numbers             numbers in digits and in words
stems               the words of a text as stems
sentences           where a text's sentences begin and end
unspaced            what stands for a word where no spaces part them
section_references  the pages and sections that a question refers to
tokens              an estimate where no tokenizer is at hand
"""
