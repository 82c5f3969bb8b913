"""Parsing: bytes in, text with pages and headings out, in a process of its own.

formats     the registry of readers, and how a file's format is detected
sandbox     runs parse within limits: in a fork of fork_server, or in a new interpreter
parse       the process: detects the format and has its reader return a parsed.Parsed
pdf         PDF, without its hidden text
html        web pages, without their hidden text
office      PPTX, XLSX and EPUB, without their hidden text
extraction  the Markdown of those two, extracted by xberg
word        DOCX as it is seen: word_numbers, word_styles, formulas and tables are its parts
package     the XML of an Office file; drawings its charts and diagrams
text        plain text, Markdown and JSON; csv_table CSV; mail .eml
headings    finds headings in Markdown, by number and by size
"""
