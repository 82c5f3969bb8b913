"""Parsing: bytes in, text with pages and headings out, in a process of its own.

formats     the registry of readers, and how a file's format is detected
sandbox     runs parse within limits: in a fork of fork_server, or in a new interpreter
parse       the process: detects the format and has its reader return a parsed.Parsed
pdf         PDF, without its hidden text: page_segments finds the words and page_layout their order, page_objects what
            is hidden, pdfium_calls asks pdfium in bulk; forks share the pages
html        web pages, without their hidden text; html_tables makes their tables plain
office      PPTX and EPUB, without their hidden text; rtf and odt the formats of that name
extraction  the Markdown of all these, extracted by xberg
word        DOCX as it is seen: word_numbers, word_styles, formulas and tables are its parts
package     zip containers and the XML of an Office file; drawings its charts and diagrams
workbook_*  XLSX, XLS and ODS; grid finds the tables in their cells, number_formats shows them as a person sees them
text        plain text and Markdown; csv_table CSV; json_records JSON; encoding finds out how text is encoded
mail        .eml; outlook .msg
headings    finds headings in Markdown, by number and by size; titles says what a document is called
hidden_text says in one line what was hidden
"""
